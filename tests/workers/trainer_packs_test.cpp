// Several nets in one task: each as if alone, stopped and continued to the same bits.

#include <cmath>
#include <filesystem>

#include "ratiofarm_test/catch.hpp"

#include "core/philox.hpp"
#include "core/publish.hpp"
#include "protocol/task_file.hpp"
#include "workers/trainer/tasks/training.hpp"

#include "trainer_runs.hpp"

namespace ratiofarm::trainer {
namespace {

using test::contains;
using test::gaussian_request;
using test::message_of;
using test::result_of;
using test::run;
using test::ScriptedControl;
using test::TemporaryDirectory;

/// A member that stops early, a replica, and a net that learns faster.
TrainRequest pack_of_three(const TemporaryDirectory& folder) {
    TrainRequest request = gaussian_request(folder, 600);
    request.name = "toy/members 0..2";
    request.training.epochs = 12;
    request.training.batch = 64;
    request.training.patience = 3;
    request.training.optimizer = Optimizer::nadam;
    request.training.schedule = Schedule::plateau;
    request.training.schedule_factor = 0.5;
    request.training.schedule_epochs = 1;
    request.training.warmup_epochs = 0.5;
    request.training.clip_norm = 0.3;
    request.nets = {
        {.name = "toy/member 0", .initialisation_seed = 3, .shuffle_seed = 5, .warm_start = {}},
        {.name = "toy/replica 1", .initialisation_seed = 4, .shuffle_seed = 6, .warm_start = {}},
        {.name = "toy/member 2", .initialisation_seed = 7, .shuffle_seed = 8, .warm_start = {}}};
    request.nets[1].replica = 99;
    request.nets[2].rate_factor = 40.0;
    return request;
}

TEST_CASE("a net of a pack is trained as it would be alone", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = pack_of_three(folder);
    request.training.threads = GENERATE(1U, 2U);
    request.training.precision = GENERATE(Precision::fp32, Precision::bf16);
    request.training.engine = GENERATE(Engine::automatic, Engine::autograd);
    request.network.activation = GENERATE(Activation::silu, Activation::gelu);
    request.network.hidden = {9, 7};
    request.split.folds = GENERATE(0U, 3U);
    request.held_out = true;
    const TrainingResult pack = result_of(request);
    REQUIRE(pack.nets.size() == 3);
    const auto nets = request.nets;

    for (std::size_t net = 0; net < 3; ++net) {
        request.nets = {nets[net]};
        const TrainedNet alone = result_of(request).nets.front();
        CHECK(pack.nets[net].row == alone.row);
        CHECK(pack.nets[net].epochs == alone.epochs);
        CHECK(pack.nets[net].training_loss == alone.training_loss);
        CHECK(pack.nets[net].validation_loss == alone.validation_loss);
        CHECK(pack.nets[net].quality == alone.quality);
    }
}

TEST_CASE("a net that has stopped stays as it is while the others go on", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = pack_of_three(folder);
    request.training.schedule = Schedule::constant;
    request.training.patience = 2;
    request.training.keep = Keep::last;
    const TrainedNet first = result_of(request).nets[0];
    REQUIRE(first.epochs < request.training.epochs);

    request.training.epochs = first.epochs;  // now all end with it
    const TrainedNet then = result_of(request).nets[0];

    CHECK(first.row == then.row);
    CHECK(first.validation_loss == then.validation_loss);
}

TEST_CASE("a pack stopped at any step ends with the bits of the straight one", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = pack_of_three(folder);
    request.training.keep = GENERATE(Keep::best, Keep::last);
    request.training.calibration = CalibrationMethod::isotonic;
    const TrainingResult straight = result_of(request);
    const auto bytes = read_file(request.result_path);
    CHECK(straight.nets[0].epochs + 1 < straight.nets[2].epochs);  // stopped before the other

    PhiloxSequence random(17);
    std::uint64_t stops = 0;
    for (int attempt = 0; attempt < 4; ++attempt) {
        std::filesystem::remove(request.result_path);
        TaskEnd end = TaskEnd::stopped;
        while (end == TaskEnd::stopped) {
            const auto last = static_cast<std::uint64_t>(random.uniform() * 60.0);
            end = run(request, [&](std::uint64_t now) {
                return now == last ? TaskOrder::stop : TaskOrder::go_on;
            });
            stops += end == TaskEnd::stopped ? 1 : 0;
        }
        REQUIRE(read_file(request.result_path) == bytes);
    }
    CHECK(stops > 8);
}

TEST_CASE("stopped in validation and while its quality is measured it ends the same", "[trainer]") {
    const TemporaryDirectory folder;
    const TrainRequest request = pack_of_three(folder);
    ScriptedControl straight;
    train(request, DeviceKind::cpu, straight, Log());
    const auto bytes = read_file(request.result_path);

    // The last polls are those of the measurement, the ones before of the last validation.
    for (std::uint64_t before_end = 1; before_end <= 5; ++before_end) {
        std::filesystem::remove(request.result_path);
        const std::uint64_t last = straight.polls() - before_end;
        REQUIRE(run(request, [&](std::uint64_t now) {
                    return now == last ? TaskOrder::stop : TaskOrder::go_on;
                }) == TaskEnd::stopped);
        REQUIRE(run(request) == TaskEnd::done);
        REQUIRE(read_file(request.result_path) == bytes);
    }
}

TEST_CASE("a net that diverges takes none of its pack with it", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = pack_of_three(folder);
    request.nets[1].rate_factor = 1e33;
    const TrainingResult with = result_of(request);
    request.nets[1].rate_factor = 1.0;
    const TrainingResult without = result_of(request);

    CHECK(contains(with.nets[1].failure, "diverged: "));
    for (const std::size_t sound : {0U, 2U}) {
        CHECK(with.nets[sound].failure.empty());
        CHECK(with.nets[sound].row == without.nets[sound].row);
        CHECK(with.nets[sound].validation_loss == without.nets[sound].validation_loss);
    }
}

TEST_CASE("a warm net begins with weights and scaling of the one it is named after", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = gaussian_request(folder);
    const TrainedNet first = result_of(request).nets.front();
    TrainRequest warm = request;
    warm.task.low += 1;
    warm.result_path = (folder / "warm").string();
    warm.nets[0].warm_start = {.path = request.result_path, .task = request.task, .net = 0};
    warm.training.epochs = 1;
    warm.training.keep = Keep::last;
    warm.training.schedule = Schedule::constant;
    warm.training.scaling = Scaling::none;  // of its own it would have another scaling

    SECTION("with a rate too small to move, it is that net") {
        warm.training.learning_rate = 1e-30;
        const TrainedNet net = result_of(warm).nets.front();
        CHECK(net.row == first.row);
        CHECK(net.best_validation_loss == Approx(first.best_validation_loss).epsilon(1e-6));
    }
    SECTION("another network is refused") {
        warm.network.hidden = {16, 17};
        CHECK(contains(message_of([&] { run(warm); }), "where this network has"));
    }
    SECTION("a net that is not there is refused") {
        warm.nets[0].warm_start.net = 3;
        CHECK(contains(message_of([&] { run(warm); }), "net 3 of"));
    }
    SECTION("the file of another task is refused") {
        warm.nets[0].warm_start.task.high = 1;
        CHECK(contains(message_of([&] { run(warm); }), "warm start"));
    }
}

TEST_CASE("a replica learns from its draw, its twin without one from all events", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = pack_of_three(folder);
    request.nets.resize(2);
    request.nets[1] = request.nets[0];
    const TrainingResult twins = result_of(request);
    request.nets[1].replica = 5;
    const TrainingResult drawn = result_of(request);

    CHECK(twins.nets[0].row == twins.nets[1].row);
    CHECK(drawn.nets[0].row == twins.nets[0].row);
    CHECK(drawn.nets[1].row != twins.nets[1].row);
}

}  // namespace
}  // namespace ratiofarm::trainer
