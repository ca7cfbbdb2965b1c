#include <cmath>
#include <limits>

#include "ratiofarm/core/split.hpp"
#include "ratiofarm_test/catch.hpp"

#include "events.hpp"
#include "trainer_toy.hpp"

namespace ratiofarm {
namespace {

using test::contains;
using test::message_of;
using test::normal_sample;
using test::TemporaryDirectory;
using test::toy_request;
using test::write_sample;

/// Sum of the weights of a class in a table.
double class_weight(const EventTable& table, float label) {
    double sum = 0.0;
    for (std::uint64_t event = 0; event < table.events; ++event) {
        const float* row = &table.values[event * table.columns];
        if (row[table.columns - 2] == label) sum += static_cast<double>(row[table.columns - 1]);
    }
    return sum;
}

TEST_CASE("both classes weigh the same and the mean weight is one", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = toy_request(folder, 3000);
    auto heavy = normal_sample("heavy", 500, 1.0, 1, 5'000'000);
    heavy.weight.assign(500, 40.0);
    request.denominator[0].fraction = 0.75;
    request.denominator.push_back({.sample = write_sample(folder, heavy), .fraction = 0.25});

    const TrainingEvents events = load_training_events(request);

    for (const EventTable* table : {&events.training, &events.validation}) {
        const auto n = static_cast<double>(table->events);
        CHECK(class_weight(*table, 1.0F) == Approx(n / 2).epsilon(1e-5));
        CHECK(class_weight(*table, 0.0F) == Approx(n / 2).epsilon(1e-5));
    }
}

TEST_CASE("components of a class weigh by their fractions, not by their weights", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = toy_request(folder, 3000);
    auto heavy = normal_sample("heavy", 500, 100.0, 1, 5'000'000);  // recognisable by its feature
    heavy.weight.assign(500, 40.0);
    request.denominator[0].fraction = 0.75;
    request.denominator.push_back({.sample = write_sample(folder, heavy), .fraction = 0.25});

    const TrainingEvents events = load_training_events(request);

    double heavy_weight = 0.0;
    const EventTable& table = events.training;
    for (std::uint64_t event = 0; event < table.events; ++event) {
        const float* row = &table.values[event * table.columns];
        const float raw = row[0] / events.feature_scale[0] + events.feature_shift[0];
        if (raw > 50.0F) heavy_weight += static_cast<double>(row[2]);
    }
    CHECK(heavy_weight == Approx(0.125 * static_cast<double>(table.events)).epsilon(1e-5));
}

TEST_CASE("events outside training and validation are never looked at", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = toy_request(folder);
    auto marked = normal_sample("right", 2000, 0.5);
    std::uint64_t training = 0;
    std::uint64_t validation = 0;
    for (std::uint64_t row = 0; row < 2000; ++row) {
        const SplitPart part = split_part(marked.id[row], request.split);
        training += part == SplitPart::train ? 1 : 0;
        validation += part == SplitPart::validation ? 1 : 0;
        if (part == SplitPart::train || part == SplitPart::validation) continue;
        marked.features[row] = std::numeric_limits<float>::quiet_NaN();
        marked.weight[row] = std::numeric_limits<double>::quiet_NaN();
    }
    request.numerator[0].sample = write_sample(folder, marked);
    request.denominator = request.numerator;

    const TrainingEvents events = load_training_events(request);

    CHECK(events.training.events == 2 * training);
    CHECK(events.validation.events == 2 * validation);
    CHECK(std::isfinite(events.feature_shift[0]));
}

TEST_CASE("scaled features have mean 0 and deviation 1; constant ones stay finite", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = toy_request(folder, 4000, 2);
    auto flat = normal_sample("right", 4000, 0.5, 2);
    auto other = normal_sample("left", 4000, -0.5, 2, 1'000'000);
    for (std::uint64_t row = 0; row < 4000; ++row) flat.features[2 * row + 1] = 91.1876F;
    for (std::uint64_t row = 0; row < 4000; ++row) other.features[2 * row + 1] = 91.1876F;
    request.numerator[0].sample = write_sample(folder, flat);
    request.denominator[0].sample = write_sample(folder, other);

    const TrainingEvents events = load_training_events(request);

    double sum = 0.0;
    double square = 0.0;
    for (std::uint64_t event = 0; event < events.training.events; ++event) {
        const float* row = &events.training.values[event * 4];
        sum += static_cast<double>(row[3] * row[0]);
        square += static_cast<double>(row[3] * row[0] * row[0]);
        REQUIRE(std::abs(row[1]) < 1e-3F);
    }
    const auto n = static_cast<double>(events.training.events);
    CHECK(sum / n == Approx(0.0).margin(1e-4));
    CHECK(square / n == Approx(1.0).epsilon(1e-4));
    CHECK(events.feature_scale[1] == 1.0F);
}

TEST_CASE("negative weights are kept and counted", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = toy_request(folder);
    auto sample = normal_sample("right", 2000, 0.5);
    std::uint64_t negative = 0;
    for (std::uint64_t row = 0; row < 2000; row += 10) {
        sample.weight[row] = -0.5;
        const SplitPart part = split_part(sample.id[row], request.split);
        negative += part == SplitPart::train || part == SplitPart::validation ? 1 : 0;
    }
    request.numerator[0].sample = write_sample(folder, sample);

    const TrainingEvents events = load_training_events(request);

    CHECK(events.negative_weights == negative);
    const auto n = static_cast<double>(events.training.events);
    CHECK(class_weight(events.training, 1.0F) == Approx(n / 2).epsilon(1e-5));
}

TEST_CASE("what cannot be used is refused by name", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = toy_request(folder);
    auto sample = normal_sample("right", 2000, 0.5);
    std::uint64_t row = 0;
    while (split_part(sample.id[row], request.split) != SplitPart::train) ++row;
    const auto load = [&] {
        request.numerator[0].sample = write_sample(folder, sample);
        return message_of([&] { load_training_events(request); });
    };

    SECTION("a NaN feature, with its row") {
        sample.features[row] = std::numeric_limits<float>::quiet_NaN();
        const std::string message = load();
        CHECK(contains(message, "'right'"));
        CHECK(contains(message, "row " + std::to_string(row) + ":"));
    }
    SECTION("an infinite weight") {
        sample.weight[row] = std::numeric_limits<double>::infinity();
        CHECK(contains(load(), "weight is inf"));
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
        request.features = {4};
        CHECK(contains(load(), "column 4"));
    }
    SECTION("a file that is too short") {
        request.numerator[0].sample.events = 1'000'000;
        CHECK(contains(message_of([&] { load_training_events(request); }), "right.events"));
    }
}

}  // namespace
}  // namespace ratiofarm
