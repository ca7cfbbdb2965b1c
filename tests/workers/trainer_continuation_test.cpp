#include <filesystem>
#include <string>
#include <vector>

#include "ratiofarm_test/catch.hpp"

#include "core/publish.hpp"
#include "protocol/task_file.hpp"
#include "workers/trainer/tasks/training.hpp"

#include "trainer_gaussians.hpp"

namespace ratiofarm::trainer {
namespace {

using test::gaussian_request;
using test::ScriptedControl;
using test::TemporaryDirectory;

namespace fs = std::filesystem;

TrainingResult result_of(const TrainRequest& request) {
    return read_task_file<TrainingResult>(request.result_path, request.task);
}

TaskEnd run(const TrainRequest& request) {
    ScriptedControl control;
    return train(request, DeviceKind::cpu, control, Log()).end;
}

/// Two nets in step, nine epochs.
TrainRequest request_for(const TemporaryDirectory& folder) {
    TrainRequest request = gaussian_request(folder);
    request.training.epochs = 9;
    request.nets.push_back(request.nets.front());
    request.nets.back().name += " again";
    request.nets.back().initialisation_seed += 1;
    request.nets.back().shuffle_seed += 1;
    return request;
}

/// The requests of the rungs that end after these epochs, each with paths of its own.
std::vector<TrainRequest> rungs_of(const TrainRequest& whole,
                                   const std::vector<std::uint32_t>& epochs) {
    std::vector<TrainRequest> rungs;
    for (const std::uint32_t epoch : epochs) {
        TrainRequest rung = whole;
        const std::string end = ".rung " + std::to_string(rungs.size());
        rung.task = Digest{1, rungs.size() + 1};
        rung.result_path += end;
        rung.state_path += end;
        rung.continuation.stop_epoch = epoch;
        if (!rungs.empty()) {
            rung.continuation.from_path = rungs.back().state_path;
            rung.continuation.from_task = rungs.back().task;
        }
        rungs.push_back(rung);
    }
    return rungs;
}

}  // namespace

TEST_CASE("rungs end with the bits of a training that never stopped", "[trainer][search]") {
    const TemporaryDirectory folder;
    TrainRequest whole = request_for(folder);
    whole.training.schedule = GENERATE(Schedule::cosine, Schedule::plateau);
    whole.training.schedule_epochs = 1;
    whole.training.patience = GENERATE(0U, 2U);  // some nets stop before a rung does
    whole.training.learning_rate = 0.01;
    whole.training.calibration = CalibrationMethod::isotonic;
    REQUIRE(run(whole) == TaskEnd::done);

    const auto rungs = rungs_of(whole, {1, 4, 9});
    for (const TrainRequest& rung : rungs) REQUIRE(run(rung) == TaskEnd::done);

    CHECK(encode(result_of(rungs.back())) == encode(result_of(whole)));
}

TEST_CASE("a rung has the losses of its epochs and is measured", "[trainer][search]") {
    const TemporaryDirectory folder;
    const TrainRequest whole = request_for(folder);
    run(whole);
    const auto rungs = rungs_of(whole, {1, 4, 9});

    for (const TrainRequest& rung : rungs) {
        run(rung);
        for (std::size_t net = 0; net < 2; ++net) {
            const TrainedNet part = result_of(rung).nets[net];
            const auto all = result_of(whole).nets[net].validation_loss;
            CHECK(part.epochs == rung.continuation.stop_epoch);
            CHECK(part.validation_loss ==
                  std::vector(all.begin(), all.begin() + rung.continuation.stop_epoch));
            CHECK(part.quality.logit_spread > 0.0);
        }
    }
}

TEST_CASE("a rung leaves its state, the last one none", "[trainer][search]") {
    const TemporaryDirectory folder;
    const auto rungs = rungs_of(request_for(folder), {1, 9});

    run(rungs[0]);
    CHECK(fs::exists(rungs[0].state_path));
    CHECK_FALSE(fs::exists(rungs[0].state_path + ".old"));
    run(rungs[1]);

    CHECK_FALSE(fs::exists(rungs[1].state_path));
    CHECK(fs::exists(rungs[0].state_path));  // whoever made it removes it
}

TEST_CASE("a rung that is stopped at any step ends with the same bits", "[trainer][search]") {
    const TemporaryDirectory folder;
    const TrainRequest whole = request_for(folder);
    run(whole);
    const auto rungs = rungs_of(whole, {1, 4, 9});

    for (const TrainRequest& rung : rungs) {
        for (std::uint64_t polls = 3;; polls += 11) {
            ScriptedControl control([&](std::uint64_t now) {
                return now == polls ? TaskOrder::stop : TaskOrder::go_on;
            });
            if (train(rung, DeviceKind::cpu, control, Log()).end == TaskEnd::done) break;
        }
    }

    CHECK(encode(result_of(rungs.back())) == encode(result_of(whole)));
}

TEST_CASE("a rung whose state is lost or damaged is trained from the beginning",
          "[trainer][search]") {
    const TemporaryDirectory folder;
    const TrainRequest whole = request_for(folder);
    run(whole);
    const auto rungs = rungs_of(whole, {4, 9});
    run(rungs[0]);
    SECTION("lost") { fs::remove(rungs[0].state_path); }
    SECTION("damaged") { publish(rungs[0].state_path, std::string_view("RFTASK, but no more")); }

    ScriptedControl control;
    const TrainerOutcome outcome = train(rungs[1], DeviceKind::cpu, control, Log());

    CHECK(encode(result_of(rungs[1])) == encode(result_of(whole)));
    CHECK(outcome.result->resumed);  // its time is not that of the rung
}

}  // namespace ratiofarm::trainer
