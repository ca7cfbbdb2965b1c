#include <cmath>
#include <limits>
#include <numeric>

#include "ratiofarm/protocol/split.hpp"
#include "ratiofarm_test/catch.hpp"

#include "core/seeds.hpp"
#include "workers/trainer/events/training_events.hpp"

#include "trainer_gaussians.hpp"

namespace ratiofarm::trainer {
namespace {

using test::contains;
using test::gaussian_request;
using test::message_of;
using test::normal_sample;
using test::SimulatedSample;
using test::TemporaryDirectory;
using test::write_sample;

/// Sums of the weights in one draw: of class 1 and of class 0.
std::pair<double, double> class_weights(const TrainingRows& part, std::uint64_t draw = 0) {
    double positive = 0.0;
    double total = 0.0;
    for (std::uint64_t row = draw * part.rows; row < (draw + 1) * part.rows; ++row) {
        positive += static_cast<double>(part.weights[2 * row]);
        total += static_cast<double>(part.weights[2 * row + 1]);
    }
    return {positive, total - positive};
}

TEST_CASE("both classes weigh the same and the mean weight is one", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = gaussian_request(folder, 3000);
    auto heavy = normal_sample("heavy", 500, 1.0, 1, 5'000'000);
    heavy.weight.assign(500, 40.0);
    request.denominator[0].fraction = 0.75;
    request.denominator.push_back({.sample = write_sample(folder, heavy), .fraction = 0.25});

    const TrainingEvents events = load_training_events(request);

    for (const TrainingRows* part : {&events.training, &events.validation}) {
        const auto n = static_cast<double>(part->rows);
        CHECK(class_weights(*part).first == Approx(n / 2).epsilon(1e-5));
        CHECK(class_weights(*part).second == Approx(n / 2).epsilon(1e-5));
    }
}

TEST_CASE("components of a class weigh by their fractions, not by their weights", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = gaussian_request(folder, 3000);
    auto heavy = normal_sample("heavy", 500, 100.0, 1, 5'000'000);  // recognisable by its feature
    heavy.weight.assign(500, 40.0);
    request.denominator[0].fraction = 0.75;
    request.denominator.push_back({.sample = write_sample(folder, heavy), .fraction = 0.25});

    const TrainingEvents events = load_training_events(request);

    double heavy_weight = 0.0;
    const TrainingRows& part = events.training;
    for (std::uint64_t row = 0; row < part.rows; ++row) {
        if (part.features[row] > 50.0F) {
            heavy_weight += static_cast<double>(part.weights[2 * row + 1]);
        }
    }
    CHECK(heavy_weight == Approx(0.125 * static_cast<double>(part.rows)).epsilon(1e-5));
}

/// Three samples of ten events at 0, 1, 2, ...; the first also has a second weight column.
struct HandMade {
    TemporaryDirectory folder;
    TrainRequest request = gaussian_request(folder, 2000);
    SimulatedSample one = sample("one", 0, 0.0F);
    SimulatedSample two = sample("two", 100, 100.0F);

    static SimulatedSample sample(const std::string& name,
                                  std::uint64_t first_id,
                                  float first_feature) {
        SimulatedSample made = normal_sample(name, 40, 0.0, 1, first_id);
        for (std::size_t row = 0; row < 40; ++row) {
            made.features[row] = first_feature + static_cast<float>(row);
            made.weight[row] = 1.0 + 0.1 * static_cast<double>(row);
        }
        return made;
    }
};

TEST_CASE("an event in both classes is one row with the sum of its weights", "[trainer]") {
    HandMade made;
    const SampleColumns one = write_sample(made.folder, made.one);
    const SampleColumns two = write_sample(made.folder, made.two);
    made.request.numerator = {{.sample = one, .fraction = 1.0}};
    made.request.denominator = {{.sample = one, .fraction = 0.25},
                                {.sample = two, .fraction = 0.75}};

    const TrainingRows part = load_training_events(made.request).training;

    // By hand: fraction * weight / sum of the sample, times half the number of rows.
    const auto in_training = [&](std::uint64_t id) {
        return split_part(id, made.request.split) == SplitPart::train;
    };
    std::uint64_t rows = 0;
    double sum_of_one = 0.0;
    for (std::size_t row = 0; row < 40; ++row) {
        rows += (in_training(row) ? 1 : 0) + (in_training(100 + row) ? 1 : 0);
        if (in_training(row)) sum_of_one += made.one.weight[row];
    }
    REQUIRE(part.rows == rows);
    for (std::uint64_t row = 0; row < rows; ++row) {
        const float feature = part.features[row];
        if (feature >= 100.0F) {
            CHECK(part.weights[2 * row] == 0.0F);
            continue;
        }
        const double share = made.one.weight[static_cast<std::size_t>(feature)] / sum_of_one *
                             static_cast<double>(rows) / 2.0;
        CHECK(static_cast<double>(part.weights[2 * row]) == Approx(share).epsilon(1e-6));
        CHECK(static_cast<double>(part.weights[2 * row + 1]) == Approx(1.25 * share).epsilon(1e-6));
    }
    CHECK(class_weights(part).first == Approx(static_cast<double>(rows) / 2).epsilon(1e-6));
    CHECK(class_weights(part).second == Approx(static_cast<double>(rows) / 2).epsilon(1e-6));
}

TEST_CASE("a variation by weights alone is in the row of its event", "[trainer]") {
    HandMade made;
    const SampleColumns nominal = write_sample(made.folder, made.one);
    SampleColumns varied = nominal;
    varied.weight_offset = test::append_weights(
        nominal.file,
        [&](std::size_t row) {
            return made.one.weight[row] * (1.0 + 0.02 * static_cast<double>(row));
        },
        40);
    made.request.numerator = {{.sample = varied, .fraction = 1.0}};
    made.request.denominator = {{.sample = nominal, .fraction = 1.0}};

    const TrainingRows part = load_training_events(made.request).training;

    // The two weights of an event are in the proportion of the columns, but for one factor.
    const double first = static_cast<double>(part.features[0]);
    const auto odds = [&](std::uint64_t row) {
        const double positive = static_cast<double>(part.weights[2 * row]);
        return positive / (static_cast<double>(part.weights[2 * row + 1]) - positive);
    };
    for (std::uint64_t row = 1; row < part.rows; ++row) {
        const double event = static_cast<double>(part.features[row]);
        const double expected = (1.0 + 0.02 * event) / (1.0 + 0.02 * first);
        CHECK(odds(row) / odds(0) == Approx(expected).epsilon(1e-5));
    }
}

TEST_CASE("a replica's weights are those of the event times its count", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = gaussian_request(folder, 3000);
    request.denominator.push_back(request.numerator[0]);  // events in both classes
    request.denominator[0].fraction = 0.5;
    request.denominator[1].fraction = 0.5;
    request.nets.resize(4, request.nets[0]);
    request.nets[1].replica = 71;
    request.nets[2].replica = 72;
    request.nets[3].replica = 71;

    const TrainingEvents events = load_training_events(request);

    CHECK(events.draw_of_net == std::vector<std::uint32_t>{0, 1, 2, 1});
    for (const TrainingRows* part : {&events.training, &events.validation}) {
        REQUIRE(part->weights.size() == 3 * 2 * part->rows);
        for (const std::uint64_t draw : {1U, 2U}) {
            const auto n = static_cast<double>(part->rows);
            CHECK(class_weights(*part, draw).first == Approx(n / 2).epsilon(1e-4));
            CHECK(class_weights(*part, draw).second == Approx(n / 2).epsilon(1e-4));
        }
    }
    // The rows of the first sample come first, in file order.
    const TrainingRows& part = events.training;
    double scale = 0.0;
    std::uint64_t row = 0;
    for (std::uint64_t id = 0; id < 3000; ++id) {
        if (split_part(id, request.split) != SplitPart::train) continue;
        const double plain = static_cast<double>(part.weights[2 * row]);
        const double drawn = static_cast<double>(part.weights[2 * (part.rows + row)]);
        const std::uint32_t count = bootstrap_count(id, 71);
        if (scale == 0.0 && count > 0) scale = drawn / plain / count;
        REQUIRE(drawn == Approx(scale * plain * count).epsilon(1e-5));
        ++row;
    }
}

TEST_CASE("the nets of a fold see the events of the others", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = gaussian_request(folder, 2000);
    request.split.folds = 4;
    request.fold = 2;

    const TrainingEvents events = load_training_events(request);

    std::uint64_t training = 0;
    std::uint64_t validation = 0;
    for (const std::uint64_t first : {0U, 1'000'000U}) {
        for (std::uint64_t id = first; id < first + 2000; ++id) {
            if (fold_of(id, 4) == 2) continue;
            const SplitPart part = part_for_nets(id, request.split, 2);
            (part == SplitPart::train ? training : validation) += 1;
        }
    }
    CHECK(events.training.rows == training);
    CHECK(events.validation.rows == validation);
    CHECK(training + validation == Approx(3000).margin(150));
}

TEST_CASE("events outside training and validation are never looked at", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = gaussian_request(folder);
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

    CHECK(events.training.rows == training);
    CHECK(events.validation.rows == validation);
    CHECK(std::isfinite(events.scaling.shift[0]));
}

TEST_CASE("scaled features have mean 0 and deviation 1", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = gaussian_request(folder, 4000, 2);

    const TrainingEvents events = load_training_events(request);

    for (const std::size_t input : {0U, 1U}) {
        double sum = 0.0;
        double square = 0.0;
        const TrainingRows& part = events.training;
        for (std::uint64_t row = 0; row < part.rows; ++row) {
            const double x =
                static_cast<double>((part.features[2 * row + input] - events.scaling.shift[input]) *
                                    events.scaling.scale[input]);
            sum += static_cast<double>(part.weights[2 * row + 1]) * x;
            square += static_cast<double>(part.weights[2 * row + 1]) * x * x;
        }
        CHECK(sum / static_cast<double>(part.rows) == Approx(0.0).margin(1e-4));
        CHECK(square / static_cast<double>(part.rows) == Approx(1.0).epsilon(1e-4));
    }
}

TEST_CASE("min_max puts all values between -1 and 1, none leaves them alone", "[trainer]") {
    const std::vector<float> values{3.0F, -7.0F, 5.0F, 1.0F};
    const std::vector<double> weights{1.0, 0.0, 2.0, 1.0};  // a weightless event counts, too
    const std::vector<std::uint32_t> features{0};
    const FeatureTable table{values, weights, features};

    const FeatureScaling min_max = feature_scaling(table, Scaling::min_max);
    const FeatureScaling none = feature_scaling(table, Scaling::none);

    CHECK((5.0F - min_max.shift[0]) * min_max.scale[0] == Approx(1.0));
    CHECK((-7.0F - min_max.shift[0]) * min_max.scale[0] == Approx(-1.0));
    CHECK(none == FeatureScaling{{0.0F}, {1.0F}});
}

TEST_CASE("negative weights are kept and counted, or refused by name", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = gaussian_request(folder);
    auto sample = normal_sample("right", 2000, 0.5);
    std::uint64_t negative = 0;
    for (std::uint64_t row = 0; row < 2000; row += 10) {
        sample.weight[row] = -0.5;
        const SplitPart part = split_part(sample.id[row], request.split);
        negative += part == SplitPart::train || part == SplitPart::validation ? 1 : 0;
    }
    request.numerator[0].sample = write_sample(folder, sample);

    const TrainingEvents events = load_training_events(request);
    request.training.negative_weights = NegativeWeights::refuse;
    const std::string message = message_of([&] { load_training_events(request); });

    CHECK(events.negative_weights == negative);
    const auto n = static_cast<double>(events.training.rows);
    CHECK(class_weights(events.training).first == Approx(n / 2).epsilon(1e-5));
    CHECK(contains(message, "'right'"));
    CHECK(contains(message, ": " + std::to_string(negative) + " of its "));
}

}  // namespace
}  // namespace ratiofarm::trainer
