// Which attempt of a step of an unfolding counts.
#include <cmath>
#include <filesystem>

#include "ratiofarm_test/catch.hpp"

#include "core/publish.hpp"
#include "protocol/task_file.hpp"
#include "workers/trainer/tasks/unfolding.hpp"

#include "trainer_gaussians.hpp"

namespace ratiofarm::trainer {
namespace {

using test::contains;
using test::gaussian_request;
using test::message_of;
using test::ScriptedControl;
using test::SimulatedSample;
using test::TemporaryDirectory;

/// All simulated events pass both levels, and what was measured is what was true.
void add_levels(SampleColumns& sample) {
    auto bytes = read_file(sample.file);
    sample.levels = {.names = {"t"},
                     .truth_offset = sample.features_offset,
                     .pass_reco_offset = bytes.size(),
                     .pass_truth_offset = bytes.size()};
    bytes.resize(bytes.size() + sample.events, std::byte{1});
    publish(sample.file, bytes);
}

/// Step 1 with nets that learn next to nothing: their ratios do not average to 1.
UnfoldRequest poor_request(const TemporaryDirectory& folder) {
    const TrainRequest training = gaussian_request(folder, 4000);
    UnfoldRequest request;
    request.task = training.task;
    request.name = "unfold/nominal/nominal/0/it1/step1";
    request.data = training.numerator.front().sample;
    request.simulation = training.denominator.front().sample;
    add_levels(request.simulation);
    request.features = training.features;
    request.split = {.train = 0.5, .validation = 0.3, .inference = 0.2};
    request.network = training.network;
    request.training = training.training;
    request.training.epochs = 2;
    request.training.learning_rate = 1e-6;
    for (const std::uint64_t seed : {3, 4}) {
        request.attempts.push_back({.name = request.name,
                                    .initialisation_seed = seed,
                                    .shuffle_seed = seed + 10,
                                    .warm_start = {}});
    }
    request.result_path = training.result_path;
    request.state_path = training.state_path;
    return request;
}

UnfoldResult unfolded(const UnfoldRequest& request) {
    ScriptedControl control;
    REQUIRE(unfold(request, DeviceKind::cpu, control, Log()).end == TaskEnd::done);
    return read_task_file<UnfoldResult>(request.result_path, request.task);
}

/// What the net of one attempt gives if nothing else is tried.
UnfoldResult alone(UnfoldRequest request, std::size_t attempt) {
    request.attempts = {request.attempts.at(attempt)};
    request.limits = {};
    return unfolded(request);
}

/// Less than this, and the gate does not let a net pass.
double least_limit(const UnfoldResult& result) {
    const NetQuality& quality = result.net.quality;
    return std::abs(quality.excess) - 5.0 * quality.excess_error;
}

/// The worse net first, and a limit between both.
UnfoldRequest mendable_request(const TemporaryDirectory& folder) {
    UnfoldRequest request = poor_request(folder);
    if (least_limit(alone(request, 0)) < least_limit(alone(request, 1))) {
        std::swap(request.attempts[0], request.attempts[1]);
    }
    const double good = least_limit(alone(request, 1));
    request.limits.closure = 0.5 * (least_limit(alone(request, 0)) + std::max(good, 0.0));
    REQUIRE(request.limits.closure > 1e-3);
    REQUIRE(request.limits.closure > good);
    return request;
}

}  // namespace

TEST_CASE("a net that does not close is trained again with the next seeds", "[trainer]") {
    const TemporaryDirectory folder;
    const UnfoldRequest request = mendable_request(folder);

    const UnfoldResult result = unfolded(request);

    const UnfoldResult good = alone(request, 1);
    CHECK(result.attempt == 1);
    CHECK(result.net.row == good.net.row);
    CHECK(result.ln_weight == good.ln_weight);
    REQUIRE(result.steps.size() == 1);
    CHECK(result.steps[0].attempt == 1);
    CHECK(result.steps[0].effective_share == result.made.effective / result.made.effective_before);
}

TEST_CASE("a second attempt that was stopped goes on where it was", "[trainer]") {
    const TemporaryDirectory folder;
    const UnfoldRequest request = mendable_request(folder);
    const UnfoldResult straight = unfolded(request);
    std::filesystem::remove(request.result_path);

    std::uint64_t polls = 0;
    for (TaskEnd end = TaskEnd::stopped; end == TaskEnd::stopped;) {
        ScriptedControl control(
            [](std::uint64_t now) { return now == 25 ? TaskOrder::stop : TaskOrder::go_on; });
        end = unfold(request, DeviceKind::cpu, control, Log()).end;
        polls += control.polls();
        REQUIRE(polls < 1000);
    }

    const auto result = read_task_file<UnfoldResult>(request.result_path, request.task);
    CHECK(result.attempt == 1);
    CHECK(result.ln_weight == straight.ln_weight);
    CHECK(result.net.row == straight.net.row);
}

TEST_CASE("if no net is good enough the step fails and says why", "[trainer]") {
    const TemporaryDirectory folder;
    UnfoldRequest request = poor_request(folder);
    request.limits.closure = 1e-9;
    ScriptedControl control;

    const std::string message =
        message_of([&] { unfold(request, DeviceKind::cpu, control, Log()); });

    CHECK(contains(message, "none of 2 nets is good enough; the last one: closure"));
    CHECK(contains(message, request.name));
    CHECK_FALSE(std::filesystem::exists(request.result_path));
}

TEST_CASE("pretraining tells another simulation from this one, and a step begins with its net",
          "[trainer]") {
    const TemporaryDirectory folder;
    const UnfoldRequest poor = poor_request(folder);
    UnfoldRequest pretraining = poor;
    pretraining.pretraining = true;
    add_levels(pretraining.data);
    pretraining.attempts.resize(1);
    pretraining.training.epochs = 12;
    pretraining.training.learning_rate = 3e-3;
    UnfoldRequest at_truth = pretraining;
    at_truth.step = UnfoldStep::truth;
    UnfoldRequest step = poor;
    step.attempts[0].warm_start = {.path = (folder / "pretrained").string(), .task = {.low = 5}};

    const UnfoldResult pretrained = unfolded(pretraining);
    publish(step.attempts[0].warm_start.path,
            encode_task_file(step.attempts[0].warm_start.task, pretrained));
    const UnfoldResult first = alone(step, 0);
    const UnfoldResult cold = alone(poor, 0);

    // Of two Gaussians of unit width at a distance of 1.
    CHECK(pretrained.net.quality.logit_spread == Approx(1.0).margin(0.25));
    CHECK(pretrained.net.quality.calibration_slope == Approx(1.0).margin(0.2));
    CHECK(pretrained.ln_weight.empty());
    CHECK(pretrained.steps.empty());
    CHECK(pretrained.sums.numerator == 4000.0);
    CHECK(pretrained.sums.denominator == 4000.0);
    CHECK(unfolded(at_truth).net.row == pretrained.net.row);  // truth and measurement are one here
    CHECK(first.net.quality.logit_spread == Approx(1.0).margin(0.25));
    CHECK(std::abs(first.net.row.back() - pretrained.net.row.back()) < 1e-3F);
    CHECK(std::abs(cold.net.row.back() - pretrained.net.row.back()) > 1e-3F);
}

TEST_CASE("data are weighed by the share that is no background", "[trainer]") {
    // 1000 of variance 1.25 around 0, 100 of variance 2 around 0.5, of which 10,000 are known.
    const TemporaryDirectory folder;
    const auto scaled = [](SimulatedSample sample, double mean, double variance, double weight) {
        for (float& x : sample.features) {
            x = static_cast<float>(mean + std::sqrt(variance) * x);
        }
        std::ranges::fill(sample.weight, weight);
        return sample;
    };
    const auto data = scaled(test::normal_sample("data", 50000, 0.0), 0.0, 1.25, 0.02);
    const auto inside = scaled(test::normal_sample("hidden", 5000, 0.0, 1, 60000), 0.5, 2.0, 0.02);
    auto all = data;
    all.features.insert(all.features.end(), inside.features.begin(), inside.features.end());
    all.weight.insert(all.weight.end(), inside.weight.begin(), inside.weight.end());
    all.id.insert(all.id.end(), inside.id.begin(), inside.id.end());
    const auto known = scaled(test::normal_sample("known", 10000, 0.0, 1, 100000), 0.5, 2.0, 0.01);
    UnfoldRequest request = poor_request(folder);
    request.step = UnfoldStep::subtraction;
    request.data = request.simulation = test::write_sample(folder, all);
    request.background = {test::write_sample(folder, known)};
    request.training.epochs = 10;
    request.training.learning_rate = 3e-3;
    request.training.batch = 512;
    request.attempts.resize(1);

    const UnfoldResult result = unfolded(request);

    REQUIRE(result.ln_weight.size() == all.weight.size());
    CHECK(result.sums.numerator == Approx(1000.0).epsilon(1e-9));
    CHECK(result.sums.denominator == Approx(1100.0).epsilon(1e-9));
    for (const auto& [at, exact] :
         {std::pair(-2.0, 0.92414791), {0.0, 0.93086717}, {0.5, 0.91964895}, {3.0, 0.62247975}}) {
        double sum = 0.0, near = 0.0;
        for (std::size_t i = 0; i < all.features.size(); ++i) {
            if (std::abs(all.features[i] - at) > 0.1) continue;
            sum += std::exp(result.ln_weight[i]);
            near += 1.0;
        }
        INFO(at << ": " << sum / near << " instead of " << exact);
        CHECK(sum / near == Approx(exact).margin(at > 2.0 ? 0.1 : 0.03));
    }
}

TEST_CASE("the acceptance weighs data and the background in them alike", "[trainer]") {
    // Half of the simulated events are matched wherever they were measured: a = 1/2 everywhere.
    const TemporaryDirectory folder;
    UnfoldRequest acceptance = poor_request(folder);
    acceptance.step = UnfoldStep::acceptance;
    acceptance.fakes = Fakes::follow;
    auto bytes = read_file(acceptance.simulation.file);
    auto& levels = acceptance.simulation.levels;
    levels.pass_truth_offset = bytes.size();
    for (std::uint64_t i = 0; i < acceptance.simulation.events; ++i)
        bytes.push_back(std::byte(i % 2));
    publish(acceptance.simulation.file, bytes);
    acceptance.background = {
        test::write_sample(folder, test::normal_sample("known", 300, 0.5, 1, 90000))};
    acceptance.training.epochs = 10;
    acceptance.training.learning_rate = 3e-3;
    acceptance.attempts.resize(1);
    UnfoldRequest step = acceptance;
    step.step = UnfoldStep::reco;
    step.acceptance = {{(folder / "acceptance").string(), {.low = 7}}};

    const UnfoldResult accepted = unfolded(acceptance);
    publish(step.acceptance[0].path, encode_task_file(step.acceptance[0].task, accepted));
    const UnfoldResult first = unfolded(step);

    REQUIRE(accepted.ln_weight.size() == acceptance.data.events + 300);
    CHECK(std::exp(accepted.ln_weight.front()) == Approx(0.5).margin(0.05));
    CHECK(std::exp(accepted.ln_weight.back()) == Approx(0.5).margin(0.05));
    const auto share = [&](std::size_t begin, std::size_t end) {
        double sum = 0.0;
        for (std::size_t i = begin; i < end; ++i) sum += std::exp(double{accepted.ln_weight[i]});
        return sum;
    };
    const std::size_t events = acceptance.data.events;
    CHECK(first.sums.numerator == Approx(share(0, events)).epsilon(1e-9));
    CHECK(first.sums.denominator == Approx(2000.0 + share(events, events + 300)).epsilon(1e-9));
    CHECK(share(events, events + 300) == Approx(150.0).epsilon(0.1));
}

TEST_CASE("a replica trains with the batches of the nominal net", "[trainer]") {
    const TemporaryDirectory folder;
    UnfoldRequest request = poor_request(folder);
    request.limits = {};
    const auto steps_of = [](const UnfoldRequest& of) {
        ScriptedControl control;
        REQUIRE(unfold(of, DeviceKind::cpu, control, Log()).end == TaskEnd::done);
        return control.polls();  // one a step, and a few in the end
    };
    const std::uint64_t nominal = steps_of(request);
    const UnfoldResult first = unfolded(request);
    for (const auto replica : {&UnfoldRequest::data_replica, &UnfoldRequest::mc_replica}) {
        UnfoldRequest counted = request;
        counted.*replica = 17;

        CHECK(steps_of(counted) == nominal);  // also with the events that it counts 0 times

        const UnfoldResult result = unfolded(counted);
        CHECK(result.net.row != first.net.row);
        CHECK((result.sums.numerator != first.sums.numerator) ==
              (replica == &UnfoldRequest::data_replica));
        CHECK((result.sums.denominator != first.sums.denominator) ==
              (replica == &UnfoldRequest::mc_replica));
    }
}

TEST_CASE("the steps of a chain are those of its parents, the worst of several", "[trainer]") {
    const TemporaryDirectory folder;
    UnfoldRequest request = poor_request(folder);
    UnfoldResult first = alone(request, 0), second = first;
    first.steps = {{0, 0.1, 0.5}, {2, 0.0, 0.9}};
    second.steps = {{1, 0.0, 0.7}, {0, 0.2, 0.8}};
    for (const auto& [parent, number] : {std::pair(first, 1U), {second, 2U}}) {
        const Digest digest{.high = number, .low = 1};
        const std::string path = (folder / std::to_string(number)).string();
        publish(path, encode_task_file(digest, parent));
        request.before.push_back({path, digest});
    }

    const UnfoldResult result = unfolded(request);

    REQUIRE(result.steps.size() == 3);
    CHECK(result.steps[0] == ChainStep{1, 0.1, 0.5});
    CHECK(result.steps[1] == ChainStep{2, 0.2, 0.8});
}

}  // namespace ratiofarm::trainer
