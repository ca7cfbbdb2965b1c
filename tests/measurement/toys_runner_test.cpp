#include "measurement/toys_runner.hpp"

#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

/// A toy is a pure function of its number.
ToyOutcome outcome_of(std::uint64_t toy) {
    return {.toy = toy,
            .events = 10 * toy,
            .converged = true,
            .statistics = {0.5 * static_cast<double>(toy)},
            .value = {1.0 / (1.0 + static_cast<double>(toy))},
            .error = {0.25}};
}

Task task_of(const ToyTask& range) {
    return {Hasher().number(range.first).number(range.last).finish(), "toys/mu = 1/0", 1.0,
            encode(range)};
}

/// Until the task ends.
TaskReport wait_for(ToyRunner& runner) {
    for (;;) {
        if (const auto event = runner.poll()) {
            if (const auto* report = std::get_if<TaskReport>(&*event)) return *report;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

std::vector<ToyOutcome> published(const RunDirectory& directory, const Task& task) {
    return read_task_file<ToyBlock>(directory.result(task.digest), task.digest).outcomes;
}

std::vector<ToyOutcome> expected(const ToyTask& range) {
    std::vector<ToyOutcome> outcomes;
    for (std::uint64_t toy = range.first; toy < range.last; ++toy)
        outcomes.push_back(outcome_of(toy));
    return outcomes;
}

ToyRunner::MakeExperiment experiment(std::atomic<std::uint64_t>& runs) {
    return [&runs](const ToyTask&) -> ToyRunner::RunToy {
        return [&runs](std::uint64_t toy) {
            ++runs;
            return outcome_of(toy);
        };
    };
}

}  // namespace

TEST_CASE("a task publishes each of its toys once, in order, with any number of threads",
          "[measurement][toys]") {
    for (const unsigned threads : {1U, 2U, 5U}) {
        const test::TemporaryDirectory folder;
        const RunDirectory directory(folder.path());
        const ToyTask range{0, 100, 137};
        const Task task = task_of(range);
        std::atomic<std::uint64_t> runs = 0;
        ToyRunner runner(experiment(runs), directory, threads);

        runner.start(task);
        const TaskReport report = wait_for(runner);

        CHECK(report.outcome == TaskOutcome::done);
        CHECK(runs == 37);
        CHECK(published(directory, task) == expected(range));
        CHECK(report.result.bytes == std::filesystem::file_size(directory.result(task.digest)));
        CHECK_FALSE(report.result.resumed);
        CHECK_FALSE(std::filesystem::exists(directory.state(task.digest)));
    }
}

TEST_CASE("a stopped task keeps its toys and does the rest later, to the same file",
          "[measurement][toys]") {
    const test::TemporaryDirectory folder;
    const RunDirectory directory(folder.path());
    const ToyTask range{0, 0, 20};
    const Task task = task_of(range);
    std::atomic<std::uint64_t> runs = 0;
    std::atomic<bool> go_on = false;
    ToyRunner runner(
        [&](const ToyTask&) -> ToyRunner::RunToy {
            return [&](std::uint64_t toy) {
                ++runs;
                while (toy == 7 && !go_on) std::this_thread::yield();
                return outcome_of(toy);
            };
        },
        directory, 1);

    runner.start(task);
    while (runs < 8) std::this_thread::yield();
    runner.stop();
    go_on = true;
    const TaskReport stopped = wait_for(runner);
    CHECK(stopped.outcome == TaskOutcome::stopped);
    CHECK(runs == 8);
    CHECK_FALSE(std::filesystem::exists(directory.result(task.digest)));

    runner.start(task);
    const TaskReport done = wait_for(runner);
    CHECK(done.outcome == TaskOutcome::done);
    CHECK(done.result.resumed);
    CHECK(runs == 20);
    CHECK(published(directory, task) == expected(range));
    CHECK_FALSE(std::filesystem::exists(directory.state(task.digest)));
}

TEST_CASE("a toy that throws fails its task with the reason", "[measurement][toys]") {
    const test::TemporaryDirectory folder;
    const RunDirectory directory(folder.path());
    const Task task = task_of({0, 0, 20});
    ToyRunner runner(
        [](const ToyTask&) -> ToyRunner::RunToy {
            return [](std::uint64_t toy) -> ToyOutcome {
                if (toy == 5) throw NumericalError("toy 5 has no minimum");
                return outcome_of(toy);
            };
        },
        directory, 3);

    runner.start(task);
    const TaskReport report = wait_for(runner);

    CHECK(report.outcome == TaskOutcome::failed);
    CHECK_THAT(report.reason, Contains("toy 5 has no minimum"));
    CHECK_FALSE(std::filesystem::exists(directory.result(task.digest)));
}

TEST_CASE("storage that refuses postpones the task without blame", "[measurement][toys]") {
    const test::TemporaryDirectory folder;
    const Task task = task_of({0, 0, 2});
    ToyRunner runner(
        [](const ToyTask&) -> ToyRunner::RunToy { throw SystemError("the disk is full"); },
        RunDirectory(folder.path()), 1);

    runner.start(task);
    const TaskReport report = wait_for(runner);

    CHECK(report.outcome == TaskOutcome::postponed);
    CHECK_THAT(report.reason, Contains("the disk is full"));
}

TEST_CASE("a runner tells how far it is, never backwards, and does task after task",
          "[measurement][toys]") {
    const test::TemporaryDirectory folder;
    const RunDirectory directory(folder.path());
    std::atomic<std::uint64_t> runs = 0;
    ToyRunner runner(
        [&](const ToyTask&) -> ToyRunner::RunToy {
            return [&](std::uint64_t toy) {
                ++runs;
                std::this_thread::sleep_for(std::chrono::milliseconds(2));
                return outcome_of(toy);
            };
        },
        directory, 1);
    for (const ToyTask& range : {ToyTask{0, 0, 30}, ToyTask{1, 30, 50}}) {
        runner.start(task_of(range));
        double before = 0.0;
        bool ended = false;
        while (!ended) {
            const auto event = runner.poll();
            if (!event) continue;
            if (const auto* pace = std::get_if<TaskProgress>(&*event)) {
                CHECK(pace->fraction >= before + 0.1);
                CHECK(pace->fraction <= 1.0);
                before = pace->fraction;
            } else {
                ended = true;
                CHECK(std::get<TaskReport>(*event).outcome == TaskOutcome::done);
            }
        }
    }
    CHECK(runs == 50);
}
