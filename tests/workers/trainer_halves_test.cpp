// Nets that learn from a half of the events, and what a net gains on events that it never saw.
#include <algorithm>
#include <cmath>
#include <set>

#include "ratiofarm/protocol/split.hpp"
#include "ratiofarm_test/catch.hpp"

#include "protocol/task_file.hpp"
#include "workers/trainer/events/training_events.hpp"
#include "workers/trainer/quality/held_out_gain.hpp"
#include "workers/trainer/tasks/training.hpp"

#include "trainer_gaussians.hpp"

namespace ratiofarm::trainer {
namespace {

using test::gaussian_request;
using test::normal_sample;
using test::ScriptedControl;
using test::TemporaryDirectory;

std::set<float> features_of(const TrainingRows& rows) {
    return {rows.features.begin(), rows.features.end()};
}

TrainingEvents events_of_half(TrainRequest request, std::uint32_t half) {
    request.nets.front().half = half;
    return load_training_events(request);
}

TrainedNet trained(const TrainRequest& request) {
    ScriptedControl control;
    REQUIRE(train(request, DeviceKind::cpu, control, Log()).end == TaskEnd::done);
    return read_task_file<TrainingResult>(request.result_path, request.task).nets.front();
}

/// One hidden unit after the other, in double.
double logit_by_hand(const Network& network, const std::vector<float>& row, float x) {
    const auto at = [&](std::size_t index) { return static_cast<double>(row[index]); };
    const auto layout = parameter_layout(network);
    std::vector<double> values{(static_cast<double>(x) - at(0)) * at(1)};
    for (std::size_t block = 2; block < layout.size(); block += 2) {
        std::vector<double> next;
        for (std::size_t unit = 0; unit < layout[block].shape[0]; ++unit) {
            double sum = at(layout[block + 1].offset + unit);
            for (std::size_t k = 0; k < values.size(); ++k) {
                sum += values[k] * at(layout[block].offset + unit * values.size() + k);
            }
            next.push_back(block + 2 < layout.size() ? sum / (1 + std::exp(-sum)) : sum);
        }
        values = next;
    }
    return values[0];
}

/// The inference events of a sample of gaussian_request().
HeldOutComponent held_out_by_hand(const TrainRequest& request,
                                  const test::SimulatedSample& sample,
                                  TrainedClass in,
                                  const std::vector<float>& row) {
    HeldOutComponent events{.in = in};
    for (std::size_t i = 0; i < sample.id.size(); ++i) {
        if (part_for_nets(sample.id[i], request.split, request.fold) != SplitPart::inference) {
            continue;
        }
        events.logit.push_back(logit_by_hand(request.network, row, sample.features[i]));
        events.weight.push_back(sample.weight[i]);
        events.id.push_back(sample.id[i]);
    }
    return events;
}

TEST_CASE("the halves share the training events and are validated on the same", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = gaussian_request(folder, 3000);
    request.split.folds = GENERATE(0U, 3U);
    request.fold = request.split.folds == 0 ? 0 : 1;
    const TrainingEvents all = load_training_events(request);

    const TrainingEvents one = events_of_half(request, 1);
    const TrainingEvents two = events_of_half(request, 2);

    std::set<float> both = features_of(one.training);
    both.merge(features_of(two.training));
    CHECK(both == features_of(all.training));
    CHECK(one.training.rows + two.training.rows == all.training.rows);
    const double expected = 0.5 * static_cast<double>(all.training.rows);
    CHECK(std::abs(static_cast<double>(one.training.rows) - expected) < 3.0 * std::sqrt(expected));
    CHECK(one.validation.features == all.validation.features);
    CHECK(two.validation.features == all.validation.features);
}

TEST_CASE("in a half both classes weigh the same", "[trainer]") {
    const TemporaryDirectory folder;
    const TrainRequest request = gaussian_request(folder, 3000);

    const TrainingRows rows = events_of_half(request, GENERATE(1U, 2U)).training;

    double positive = 0.0;
    double total = 0.0;
    for (std::uint64_t row = 0; row < rows.rows; ++row) {
        positive += static_cast<double>(rows.weights[2 * row]);
        total += static_cast<double>(rows.weights[2 * row + 1]);
    }
    CHECK(total == Approx(static_cast<double>(rows.rows)).epsilon(1e-5));
    CHECK(positive == Approx(0.5 * total).epsilon(1e-5));
}

TEST_CASE("the half of an event has nothing to do with its part or fold", "[trainer]") {
    constexpr std::uint64_t events = 20000;
    const Split split{.train = 0.5, .validation = 0.1, .inference = 0.4, .folds = 0};
    std::uint64_t first = 0;
    std::uint64_t first_training = 0;
    std::uint64_t training = 0;
    std::uint64_t first_of_fold = 0;
    std::uint64_t fold = 0;
    for (std::uint64_t id = 0; id < events; ++id) {
        const bool half = half_of(id) == 1;
        first += half ? 1 : 0;
        if (split_part(id, split) == SplitPart::train)
            training += 1, first_training += half ? 1 : 0;
        if (fold_of(id, 2) == 0) fold += 1, first_of_fold += half ? 1 : 0;
    }

    const auto is_half = [](std::uint64_t part, std::uint64_t all) {
        const auto n = static_cast<double>(all);
        return std::abs(static_cast<double>(part) - 0.5 * n) < 2.0 * std::sqrt(n);
    };
    CHECK(is_half(first, events));
    CHECK(is_half(first_training, training));
    CHECK(is_half(first_of_fold, fold));
}

TEST_CASE("what is measured on held-out events changes no weight", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = gaussian_request(folder);
    const TrainedNet before = trained(request);
    request.held_out = true;

    const TrainedNet after = trained(request);

    CHECK(after.row == before.row);
    CHECK(after.validation_loss == before.validation_loss);
    CHECK(before.quality.held_out_events == 0);
    NetQuality quality = after.quality;
    quality.held_out_gain = quality.held_out_error = 0.0;
    quality.held_out_events = 0;
    CHECK(quality == before.quality);
}

TEST_CASE("the gain is that of the net on the inference events of its fold", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = gaussian_request(folder);
    request.split.folds = GENERATE(0U, 3U);
    request.fold = request.split.folds == 0 ? 0 : 2;
    request.held_out = true;

    const TrainedNet net = trained(request);

    const HeldOutGain gain = held_out_gain(
        std::vector{held_out_by_hand(request, normal_sample("right", 2000, 0.5, 1, 0),
                                     TrainedClass::numerator, net.row),
                    held_out_by_hand(request, normal_sample("left", 2000, -0.5, 1, 1'000'000),
                                     TrainedClass::denominator, net.row)});
    CHECK(net.quality.held_out_gain == Approx(gain.gain).epsilon(1e-4));
    CHECK(net.quality.held_out_error == Approx(gain.error).epsilon(1e-4));
    CHECK(net.quality.held_out_events == gain.events);
    CHECK(net.quality.held_out_gain > 10.0 * net.quality.held_out_error);
}

TEST_CASE("a pack measures each of its nets on all held-out events", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = gaussian_request(folder);
    request.held_out = true;
    const TrainedNet alone = trained(request);
    request.nets.push_back(
        {.name = "other", .initialisation_seed = 8, .shuffle_seed = 9, .warm_start = {}});

    ScriptedControl control;
    REQUIRE(train(request, DeviceKind::cpu, control, Log()).end == TaskEnd::done);
    const auto nets = read_task_file<TrainingResult>(request.result_path, request.task).nets;

    CHECK(nets[0].quality == alone.quality);
    CHECK(nets[1].quality.held_out_gain != alone.quality.held_out_gain);
    CHECK(nets[1].quality.held_out_events == alone.quality.held_out_events);
}

}  // namespace
}  // namespace ratiofarm::trainer
