// The loop of a farm on real ranks with a runner that only waits: what a task costs beside its
// work.

#include "scheduler/host/run_farm.hpp"

#include <chrono>
#include <ctime>
#include <filesystem>
#include <memory>
#include <set>

#include <fmt/format.h>

#include "ratiofarm/mpi/communicator.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "store/journal.hpp"

using namespace ratiofarm;

namespace {

using Clock = std::chrono::steady_clock;

/// Each task takes 10 ms and no CPU; every tenth crashes once.
class WaitingRunner final : public TaskRunner {
public:
    void start(const Task& task) override {
        crashes_ = task.digest.low % 10 == 0 && crashed_.insert(task.digest).second;
        end_ = Clock::now() + std::chrono::milliseconds(10);
        running_ = true;
    }
    void checkpoint() override {}
    void stop() override {}
    std::optional<Event> poll() override {
        if (!running_ || Clock::now() < end_) return std::nullopt;
        running_ = false;
        TaskReport report;
        report.outcome = crashes_ ? TaskOutcome::crashed : TaskOutcome::done;
        report.result.seconds = 0.01;
        return report;
    }

private:
    std::set<Digest> crashed_;
    Clock::time_point end_;
    bool running_ = false;
    bool crashes_ = false;
};

/// One long task that tells its progress a hundred times a second, as those of many workers would.
class ReportingRunner final : public TaskRunner {
public:
    void start(const Task&) override {
        begin_ = Clock::now();
        running_ = true;
    }
    void checkpoint() override {}
    void stop() override {}
    std::optional<Event> poll() override {
        if (!running_) return std::nullopt;
        const std::chrono::duration<double> spent = Clock::now() - begin_;
        if (spent.count() > 3.0) {
            running_ = false;
            return TaskReport();
        }
        if (spent.count() < 0.01 * reports_) return std::nullopt;
        reports_ += 1;
        return TaskProgress{.fraction = spent.count() / 3.0, .epoch = 1};
    }

private:
    Clock::time_point begin_;
    int reports_ = 0;
    bool running_ = false;
};

double cpu_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Processor time of this rank. What it costs is measured by `./run bench farm`; here the limits
/// only tell sleeping from a busy wait, on however loaded a machine.
template <class Work>
double cpu_seconds_of(Work&& work) {
    const double before = cpu_seconds();
    work();
    return cpu_seconds() - before;
}

}  // namespace

TEST_CASE("a farm of 10 ms tasks waits asleep and commits each task once") {
    const auto world = mpi::Communicator::world();
    const test::TemporaryDirectory folder;
    constexpr std::uint64_t n_tasks = 200;
    constexpr double limit = 0.5 * 0.01 * static_cast<double>(n_tasks);
    const auto path = folder.path() / "journal.jsonl";
    std::unique_ptr<Journal> journal;
    FarmEnd end;

    const double cpu = cpu_seconds_of([&] {
        std::vector<Task> tasks;
        if (world.is_root()) {
            std::filesystem::remove(path);
            journal = std::make_unique<Journal>(path, JournalState{});
            for (std::uint64_t i = 0; i < n_tasks; ++i) {
                tasks.push_back({{1, i}, fmt::format("S/member {}", i), 1e9, {}});
            }
        }
        WaitingRunner runner;
        end = run_farm(world, std::move(tasks), runner, journal.get(), Log());
    });

    CHECK(end.done == n_tasks);
    CHECK(end.left == 0);
    CHECK_FALSE(end.stopped);
    CHECK(cpu < limit);
    if (!world.is_root()) return;
    journal->flush();
    const JournalState state = read_journal(path);
    CHECK(state.committed.size() == n_tasks);
    CHECK(end.commits.size() == n_tasks);
    CHECK(state.notes.size() >= n_tasks / 10);
    REQUIRE(state.ends.size() == 1);
    CHECK(state.ends[0].workers == static_cast<std::uint64_t>(world.size()));
    CHECK(state.ends[0].busy_seconds >= 0.01 * static_cast<double>(n_tasks));
    // The lines of the attempts add up to what rank 0 counted.
    REQUIRE(state.times.farms().size() == 1);
    const FarmProfile profile = profile_of(state.times.farms()[0], state.ends[0].seconds, 10);
    CHECK(profile.busy_seconds == Approx(state.ends[0].busy_seconds).epsilon(0.01));
    CHECK(profile.tail_idle_seconds == Approx(state.ends[0].tail_idle_seconds).margin(0.01));
    fmt::print("{} ranks: {:.2f} ms of CPU per task on rank 0, {:.0f} % of the time busy\n",
               world.size(), 1e3 * cpu / static_cast<double>(n_tasks),
               100.0 * state.ends[0].busy_seconds /
                   (state.ends[0].seconds * static_cast<double>(state.ends[0].workers)));
}

TEST_CASE("a rank whose trainings run leaves its core to them") {
    const auto world = mpi::Communicator::world();
    const test::TemporaryDirectory folder;
    const auto path = folder.path() / "journal.jsonl";
    constexpr double limit = 0.1 * 3.0;
    std::chrono::duration<double> spent{};

    const double cpu = cpu_seconds_of([&] {
        std::vector<Task> tasks;
        std::unique_ptr<Journal> journal;
        if (world.is_root()) {
            std::filesystem::remove(path);
            journal = std::make_unique<Journal>(path, JournalState{});
            for (int i = 0; i < world.size(); ++i) {
                tasks.push_back({{1, static_cast<std::uint64_t>(i)}, "S", 1e9, {}});
            }
        }
        ReportingRunner runner;
        const Clock::time_point begin = Clock::now();
        run_farm(world, std::move(tasks), runner, journal.get(), Log());
        spent = Clock::now() - begin;
    });

    CHECK(spent.count() > 3.0);
    CHECK(cpu < limit);
}
