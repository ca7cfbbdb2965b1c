#include <limits>
#include <string>

#include "ratiofarm/protocol/split.hpp"
#include "ratiofarm_test/catch.hpp"

#include "workers/trainer/events/training_events.hpp"

#include "trainer_gaussians.hpp"

namespace ratiofarm::trainer {
namespace {

using test::contains;
using test::gaussian_request;
using test::message_of;
using test::normal_sample;
using test::TemporaryDirectory;
using test::write_sample;

TEST_CASE("what cannot be used is refused by name", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = gaussian_request(folder, 2000, 2);
    auto sample = normal_sample("right", 2000, 0.5, 2);
    auto other = normal_sample("left", 2000, -0.5, 2, 1'000'000);
    std::uint64_t row = 0;
    while (split_part(sample.id[row], request.split) != SplitPart::train) ++row;
    const auto load = [&] {
        request.numerator[0].sample = write_sample(folder, sample);
        request.denominator[0].sample = write_sample(folder, other);
        return message_of([&] { load_training_events(request); });
    };

    SECTION("a NaN feature, with its row") {
        sample.features[2 * row] = std::numeric_limits<float>::quiet_NaN();
        const std::string message = load();
        CHECK(contains(message, "'right'"));
        CHECK(contains(message, "row " + std::to_string(row) + ":"));
    }
    SECTION("an infinite weight") {
        sample.weight[row] = std::numeric_limits<double>::infinity();
        CHECK(contains(load(), "weight is inf"));
    }
    SECTION("a constant feature, with its value, whatever the scaling") {
        request.training.scaling = GENERATE(Scaling::standard, Scaling::min_max, Scaling::none);
        for (std::uint64_t event = 0; event < 2000; ++event) {
            sample.features[2 * event + 1] = 91.1876F;
            other.features[2 * event + 1] = 91.1876F;
        }
        const std::string message = load();
        CHECK(contains(message, "feature column 1"));
        CHECK(contains(message, "91.187"));
    }
    SECTION("a total weight that is not positive") {
        sample.weight.assign(2000, -1.0);
        CHECK(contains(load(), "must be > 0"));
    }
    SECTION("a sample without training events") {
        request.split = {.train = 0.0, .validation = 0.5, .inference = 0.5};
        CHECK(contains(load(), "no training event"));
    }
    SECTION("a split without validation events") {
        request.split = {.train = 0.5, .validation = 0.0, .inference = 0.5};
        CHECK(contains(load(), "no validation event"));
    }
    SECTION("a column that does not exist") {
        request.features = {0, 4};
        CHECK(contains(load(), "column 4"));
    }
    SECTION("a file that is too short") {
        request.numerator[0].sample.events = 1'000'000;
        CHECK(contains(message_of([&] { load_training_events(request); }), "right.events"));
    }
}

}  // namespace
}  // namespace ratiofarm::trainer
