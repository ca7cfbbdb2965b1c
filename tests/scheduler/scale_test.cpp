// The scheduler, the workers and the journal at full size in one process: simulated trainings, a
// simulated clock, real messages through the in-process channel. Prints a table.

#include <algorithm>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numbers>
#include <numeric>
#include <queue>

#include <unistd.h>

#include <fmt/format.h>

#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "core/philox.hpp"
#include "farm/worker.hpp"
#include "scheduler/scheduler.hpp"
#include "store/journal.hpp"

using namespace ratiofarm;

namespace {

struct Setting {
    std::size_t tasks;
    std::size_t workers;
    double width;           ///< of the logarithm of the durations
    double noise;           ///< of the logarithm of the expected costs
    double crashes;         ///< probability that an attempt crashes somewhere on its way
    std::size_t chain = 1;  ///< so many tasks in a row, each after the one before
};

struct Outcome {
    double makespan = 0.0;
    double bound = 0.0;  ///< no schedule of the work that was done is shorter
    std::uint64_t committed = 0;
    std::uint64_t committed_twice = 0;
    std::uint64_t crashes = 0;
    double scheduler_seconds = 0.0;  ///< CPU of rank 0, journal included
    double journal_bytes = 0.0;
    double memory_bytes = 0.0;  ///< of scheduler and simulation; freed memory is used again
};

double normal(PhiloxSequence& random) {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - random.uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * random.uniform());
}

double cpu_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double resident_bytes() {
    std::ifstream file("/proc/self/statm");
    double pages = 0.0;
    file >> pages >> pages;
    return pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

/// Durations, what is left of each task after crashes, and the clock.
class World {
public:
    explicit World(const Setting& setting) : setting_(setting), random_(11) {
        for (std::size_t i = 0; i < setting.tasks; ++i) {
            left.push_back(1000.0 * std::exp(setting.width * normal(random_)));
        }
    }

    std::vector<Task> tasks() {
        std::vector<Task> list;
        for (std::size_t i = 0; i < left.size(); ++i) {
            const double expected = left[i] * std::exp(setting_.noise * normal(random_));
            list.push_back(
                {{i, 1}, fmt::format("S/member {}", i), expected, std::vector<std::byte>(400)});
            if (i % setting_.chain > 0) list.back().after = {{i - 1, 1}};
        }
        return list;
    }

    /// Of the longest chain.
    double critical_path() const {
        double longest = 0.0;
        for (std::size_t first = 0; first < left.size(); first += setting_.chain) {
            const auto begin = left.begin() + static_cast<std::ptrdiff_t>(first);
            longest = std::max(
                longest,
                std::accumulate(begin, begin + static_cast<std::ptrdiff_t>(setting_.chain), 0.0));
        }
        return longest;
    }

    /// Time until an attempt ends, and whether by a crash. One that crashes keeps what its last
    /// checkpoint holds, one every 60 s.
    std::pair<double, TaskOutcome> attempt(std::size_t task) {
        if (random_.uniform() >= setting_.crashes) return {left[task], TaskOutcome::done};
        const double reached = left[task] * random_.uniform();
        left[task] -= 60.0 * std::floor(reached / 60.0);
        return {reached, TaskOutcome::crashed};
    }

    double now = 0.0;
    double work = 0.0;  ///< done so far by all
    std::vector<double> left;

private:
    Setting setting_;
    PhiloxSequence random_;
};

class SimulatedRunner final : public TaskRunner {
public:
    SimulatedRunner(World& world, std::function<void(double)> wake)
        : world_(world), wake_(std::move(wake)) {}

    void start(const Task& task) override {
        const auto [seconds, outcome] = world_.attempt(task.digest.high);
        world_.work += seconds;
        end_ = world_.now + seconds;
        report_ = {
            .outcome = outcome, .reason = "signal 9", .result = {.bytes = 100, .seconds = seconds}};
        running_ = true;
        wake_(end_);
    }
    void checkpoint() override {}
    void stop() override {}
    std::optional<Event> poll() override {
        if (!running_ || world_.now < end_) return std::nullopt;
        running_ = false;
        return report_;
    }

private:
    World& world_;
    std::function<void(double)> wake_;
    double end_ = 0.0;
    TaskReport report_;
    bool running_ = false;
};

/// Rank 0 and all workers; the next thing that happens is the next end of an attempt.
class Simulation {
public:
    Simulation(const Setting& setting, const std::filesystem::path& journal)
        : world_(setting),
          network_(setting.workers),
          scheduler_(world_.tasks(), {.strikes = 50, .worker_crashes = 1000}),
          journal_path_(journal),
          journal_(journal, {}) {
        for (std::size_t i = 0; i < setting.workers; ++i) {
            channels_.push_back(network_.channel(WorkerId(i)));
            runners_.push_back(std::make_unique<SimulatedRunner>(world_, [this, i](double end) {
                ends_.push({end, i});
            }));
            workers_.emplace_back(*channels_.back(), *runners_.back());
        }
    }

    Outcome run() {
        const double longest = world_.critical_path();
        for (std::size_t i = 0; i < workers_.size(); ++i) step(i);
        while (!ends_.empty()) {
            const auto [end, worker] = ends_.top();
            ends_.pop();
            world_.now = end;
            step(worker);
        }
        CHECK(scheduler_.over());
        outcome_.makespan = world_.now;
        outcome_.bound = std::max(world_.work / static_cast<double>(workers_.size()), longest);
        outcome_.journal_bytes = static_cast<double>(std::filesystem::file_size(journal_path_));
        return outcome_;
    }

private:
    void step(std::size_t worker) {
        workers_[worker].step();
        const double begin = cpu_seconds();
        std::vector<WorkerId> addressed;
        while (auto envelope = channels_[0]->receive()) {
            if (std::holds_alternative<Assign>(envelope->message)) {
                to_rank_0_.push_back(std::move(envelope->message));
                continue;
            }
            for (const Action& action : scheduler_.on(envelope->peer, envelope->message)) {
                perform(action, addressed);
            }
        }
        outcome_.scheduler_seconds += cpu_seconds() - begin;
        for (const WorkerId to : addressed) {
            if (to.value == 0) continue;
            while (auto order = channels_[to.value]->receive()) {
                workers_[to.value].receive(order->message);
            }
        }
        if (worker == 0 || !to_rank_0_.empty()) {
            while (auto order = channels_[0]->receive()) to_rank_0_.push_back(order->message);
            for (const Message& order : to_rank_0_) workers_[0].receive(order);
            to_rank_0_.clear();
        }
    }

    void perform(const Action& action, std::vector<WorkerId>& addressed) {
        if (const auto* send = std::get_if<SendAction>(&action)) {
            if (const auto* assign = std::get_if<Assign>(&send->message)) {
                journal_.write(AttemptBegan{assign->task.name, send->to.value, world_.now});
            }
            if (send->to.value == 0) {
                to_rank_0_.push_back(send->message);
            } else {
                channels_[0]->send(send->to, send->message);
            }
            addressed.push_back(send->to);
        } else if (const auto* commit = std::get_if<CommitAction>(&action)) {
            outcome_.committed += 1;
            if (!committed_.insert(commit->task.digest).second) outcome_.committed_twice += 1;
            journal_.write(TaskCommitted{.task = commit->task.digest,
                                         .name = commit->task.name,
                                         .identity = commit->task.identity,
                                         .attempt = commit->attempt.value,
                                         .worker = commit->worker.value,
                                         .result = commit->report.result,
                                         .at = world_.now});
            if (outcome_.committed % 1000 == 0) journal_.flush();
        } else if (std::holds_alternative<NoteAction>(action)) {
            outcome_.crashes += 1;
        }
    }

    struct End {
        double time;
        std::size_t worker;
        bool operator<(const End& other) const { return time > other.time; }
    };

    World world_;
    InProcessNetwork network_;
    Scheduler scheduler_;
    std::filesystem::path journal_path_;
    Journal journal_;
    std::vector<std::unique_ptr<Channel>> channels_;
    std::vector<std::unique_ptr<SimulatedRunner>> runners_;
    std::vector<Worker> workers_;
    std::priority_queue<End> ends_;
    std::vector<Message> to_rank_0_;
    std::set<Digest> committed_;
    Outcome outcome_;
};

Outcome simulate(const Setting& setting) {
    const test::TemporaryDirectory folder;
    const double memory = resident_bytes();
    Simulation simulation(setting, folder.path() / "journal.jsonl");
    Outcome outcome = simulation.run();
    outcome.memory_bytes = resident_bytes() - memory;
    fmt::print(
        "{:>8} {:>8} {:>6.1f} {:>6.1f} {:>8.3f} {:>8} {:>11.4f} {:>10.1f} {:>11.1f} {:>8.0f}\n",
        setting.tasks, setting.workers, setting.width, setting.noise, setting.crashes,
        outcome.crashes, outcome.makespan / outcome.bound,
        1e6 * outcome.scheduler_seconds / static_cast<double>(setting.tasks),
        outcome.journal_bytes / 1e6, outcome.memory_bytes / 1e6);
    return outcome;
}

}  // namespace

TEST_CASE("100,000 tasks on 1,000 workers end within 3 % of the shortest time there is") {
    fmt::print(
        "   tasks  workers  width  noise  crashes   (seen) time/bound    us/task  journal/MB   "
        "mem/MB\n");
    for (const Setting& setting :
         {Setting{100'000, 1'000, 0.5, 0.0, 0.0}, Setting{100'000, 1'000, 0.5, 0.3, 0.0},
          Setting{100'000, 1'000, 0.5, 0.3, 0.02}}) {
        const Outcome outcome = simulate(setting);

        CHECK(outcome.committed == setting.tasks);
        CHECK(outcome.committed_twice == 0);
        CHECK(outcome.makespan >= outcome.bound * (1.0 - 1e-9));
        CHECK(outcome.makespan < 1.03 * outcome.bound);
        CHECK(outcome.scheduler_seconds < 1e-3 * static_cast<double>(setting.tasks));
        CHECK(outcome.journal_bytes < 500.0 * static_cast<double>(setting.tasks));
        if (setting.crashes > 0.0) CHECK(outcome.crashes > setting.tasks / 100);
    }
}

TEST_CASE("1,000 chains of 10 steps on 500 workers end within 3 % of the shortest time there is") {
    for (const Setting& setting :
         {Setting{10'000, 500, 0.1, 0.1, 0.0, 10}, Setting{10'000, 500, 0.5, 0.0, 0.0, 10},
          Setting{10'000, 2'000, 0.5, 0.3, 0.0, 10}, Setting{10'000, 500, 0.5, 0.3, 0.0, 10}}) {
        const Outcome outcome = simulate(setting);

        CHECK(outcome.committed == setting.tasks);
        CHECK(outcome.makespan >= outcome.bound * (1.0 - 1e-9));
        // A worker does 20 steps in all: costs that are known to 30 % only leave a tail.
        const bool known = setting.noise < 0.3 || setting.workers > 1'000;
        CHECK(outcome.makespan < (known ? 1.03 : 1.06) * outcome.bound);
    }
}

TEST_CASE("few tasks for many workers are bounded by the tail, and stay near the bound") {
    for (const Setting& setting :
         {Setting{1'000, 64, 0.5, 0.3, 0.0}, Setting{10'000, 500, 0.5, 0.3, 0.02}}) {
        const Outcome outcome = simulate(setting);

        CHECK(outcome.committed == setting.tasks);
        CHECK(outcome.makespan < 1.15 * outcome.bound);
    }
}
