#include <cmath>
#include <filesystem>
#include <fstream>

#include "ratiofarm_test/catch.hpp"

#include "core/philox.hpp"
#include "core/publish.hpp"
#include "protocol/task_file.hpp"
#include "workers/trainer/tasks/training.hpp"

#include "trainer_gaussians.hpp"

namespace ratiofarm::trainer {
namespace {

using test::contains;
using test::gaussian_request;
using test::message_of;
using test::ScriptedControl;
using test::TemporaryDirectory;

TrainerOutcome run(const TrainRequest& request, TaskControl& control) {
    return train(request, DeviceKind::cpu, control, Log());
}

std::vector<std::byte> straight_result(const TrainRequest& request) {
    ScriptedControl control;
    REQUIRE(run(request, control).end == TaskEnd::done);
    return read_file(request.result_path);
}

TrainingResult result_of(const TrainRequest& request) {
    return read_task_file<TrainingResult>(request.result_path, request.task);
}

/// Stops after the given number of polls (one per step or validation pass).
TaskEnd run_until(const TrainRequest& request, std::uint64_t polls) {
    ScriptedControl control(
        [&](std::uint64_t now) { return now == polls ? TaskOrder::stop : TaskOrder::go_on; });
    return run(request, control).end;
}

TEST_CASE("the learned log ratio of two Gaussians is close to the true one", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = gaussian_request(folder, 20000);
    request.training.epochs = 10;

    ScriptedControl control;
    run(request, control);

    // One hidden unit after the other by hand: also an independent reading of the row's layout.
    const auto row = result_of(request).nets.front().row;
    const auto layout = parameter_layout(request.network);
    for (const double x : {-1.5, -1.0, 0.0, 1.0, 1.5}) {
        std::vector<double> values{(x - static_cast<double>(row[0])) * static_cast<double>(row[1])};
        for (std::size_t block = 2; block < layout.size(); block += 2) {
            std::vector<double> next;
            for (std::size_t unit = 0; unit < layout[block].shape[0]; ++unit) {
                double sum = static_cast<double>(row[layout[block + 1].offset + unit]);
                for (std::size_t k = 0; k < values.size(); ++k) {
                    sum += values[k] * static_cast<double>(
                                           row[layout[block].offset + unit * values.size() + k]);
                }
                next.push_back(block + 2 < layout.size() ? sum / (1 + std::exp(-sum)) : sum);
            }
            values = next;
        }
        CHECK(values[0] == Approx(x).margin(0.08));  // log N(x; 0.5) / N(x; -0.5) = x
    }
}

TEST_CASE("two runs of one request give the same file", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = gaussian_request(folder);
    request.training.threads = GENERATE(1U, 2U);

    const auto first = straight_result(request);

    CHECK(straight_result(request) == first);
    ++request.nets.front().shuffle_seed;
    CHECK(straight_result(request) != first);
}

TEST_CASE("a training stopped at any steps ends with the bits of the straight one", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = gaussian_request(folder);
    request.training.optimizer = GENERATE(Optimizer::nadam, Optimizer::adamw);
    request.training.weight_decay = 0.01;
    const auto straight = straight_result(request);
    PhiloxSequence random(99);

    // 20 polls an epoch or so: steps, the end of an epoch and the middle of validation.
    for (int attempt = 0; attempt < 8; ++attempt) {
        TaskEnd end = TaskEnd::stopped;
        while (end == TaskEnd::stopped) {
            end = run_until(request, static_cast<std::uint64_t>(random.uniform() * 40.0));
        }
        REQUIRE(read_file(request.result_path) == straight);
        std::filesystem::remove(request.result_path);
    }
}

TEST_CASE("a finished training leaves its result and no checkpoint", "[trainer]") {
    const TemporaryDirectory folder;
    const TrainRequest request = gaussian_request(folder);
    run_until(request, 10);
    REQUIRE(std::filesystem::exists(request.state_path));

    ScriptedControl control;
    const TrainerOutcome outcome = run(request, control);

    CHECK(outcome.result->resumed);
    CHECK(outcome.result->crc == crc32(read_file(request.result_path)));
    CHECK(outcome.result->bytes == std::filesystem::file_size(request.result_path));
    CHECK_FALSE(std::filesystem::exists(request.state_path));
    CHECK_FALSE(std::filesystem::exists(request.state_path + ".old"));
}

TEST_CASE("an abandoned training writes nothing", "[trainer]") {
    const TemporaryDirectory folder;
    const TrainRequest request = gaussian_request(folder);
    ScriptedControl control(
        [](std::uint64_t now) { return now == 10 ? TaskOrder::abandon : TaskOrder::go_on; });

    CHECK(run(request, control).end == TaskEnd::abandoned);

    CHECK_FALSE(std::filesystem::exists(request.state_path));
    CHECK_FALSE(std::filesystem::exists(request.result_path));
}

void flip_bit(const std::string& path) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(500);
    const auto byte = static_cast<char>(file.get() ^ 4);
    file.seekp(500);
    file.put(byte);
}

TEST_CASE("a damaged checkpoint gives way to the one before it", "[trainer]") {
    const TemporaryDirectory folder;
    const TrainRequest request = gaussian_request(folder);
    const auto straight = straight_result(request);
    std::filesystem::remove(request.result_path);
    ScriptedControl twice([](std::uint64_t now) {
        return now == 10 ? TaskOrder::checkpoint : now == 20 ? TaskOrder::stop : TaskOrder::go_on;
    });
    run(request, twice);
    REQUIRE(std::filesystem::exists(request.state_path + ".old"));
    bool expect_resumed = true;

    SECTION("one bit of the newest flipped") { flip_bit(request.state_path); }
    SECTION("the newest truncated") { std::filesystem::resize_file(request.state_path, 700); }
    SECTION("the newest empty") { std::filesystem::resize_file(request.state_path, 0); }
    SECTION("the newest missing, as after a crash between rename and write") {
        std::filesystem::remove(request.state_path);
    }
    SECTION("both damaged: from the start") {
        flip_bit(request.state_path);
        flip_bit(request.state_path + ".old");
        expect_resumed = false;
    }

    ScriptedControl control;
    const TrainerOutcome outcome = run(request, control);
    CHECK(outcome.result->resumed == expect_resumed);
    CHECK(read_file(request.result_path) == straight);
}

TEST_CASE("a training stops early and keeps the weights of its best epoch", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = gaussian_request(folder, 300);  // few events: overfits soon
    request.network.hidden = {64, 64};
    request.training.epochs = 200;
    request.training.batch = 32;
    request.training.learning_rate = 1e-2;
    request.training.patience = 5;

    ScriptedControl control;
    run(request, control);

    const auto result = result_of(request).nets.front();
    CHECK(result.epochs < 200);
    CHECK(result.epochs == result.best_epoch + 5);
    CHECK(result.validation_loss.size() == result.epochs);
    for (const double loss : result.validation_loss) CHECK(loss >= result.best_validation_loss);

    // The same training that ends with that epoch has the same weights.
    request.training.schedule = Schedule::constant;
    run(request, control);
    const auto best = result_of(request).nets.front();
    request.training.epochs = best.best_epoch;
    run(request, control);
    CHECK(result_of(request).nets.front().row == best.row);
}

TEST_CASE("a diverged net is a value, not a failed task", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = gaussian_request(folder);
    request.training.learning_rate = 1e30;

    straight_result(request);
    const TrainedNet net = result_of(request).nets.front();

    CHECK(contains(net.failure, "diverged: training loss is"));
    CHECK(contains(net.failure, "after epoch 1"));
    CHECK(net.row == std::vector<float>(row_size(request.network), 0.0F));
    CHECK(net.epochs == 0);
}

TEST_CASE("what is wrong is said before the first step", "[trainer]") {
    const TemporaryDirectory folder;
    TrainRequest request = gaussian_request(folder);
    ScriptedControl control;
    const auto message = [&] { return message_of([&] { run(request, control); }); };

    SECTION("a layer of width zero") {
        request.network.hidden = {16, 0, 16};
        CHECK(contains(message(), "none of width 0"));
    }
    SECTION("no hidden layer") {
        request.network.hidden.clear();
        CHECK(contains(message(), "at least one hidden layer"));
    }
    SECTION("a batch larger than the sample") {
        request.training.batch = 100'000;
        CHECK(contains(message(), "training.batch = 100000 is more than the training events"));
    }
    SECTION("no epochs") {
        request.training.epochs = 0;
        CHECK(contains(message(), "epochs"));
    }
    CHECK(control.polls() == 0);
}

}  // namespace
}  // namespace ratiofarm::trainer
