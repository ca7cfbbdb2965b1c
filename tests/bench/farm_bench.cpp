// What the farm itself costs, with runners that wait instead of training, on real ranks. For
// ./run bench farm:    mpirun -n 2 farm_bench [seconds=10] [tasks=1000]
// Prints JSON: CPU of rank 0 while tasks run and tell their progress, as one worker and as many
// would; and what a task of 10 ms costs beside its work.

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <vector>

#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/mpi/session.hpp"

#include "scheduler/host/run_farm.hpp"

#include "bench_arguments.hpp"

namespace ratiofarm {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

/// A task that takes its time and no CPU. On ranks other than 0 it tells its progress so often a
/// second, in the place of as many workers.
class WaitingRunner final : public TaskRunner {
public:
    WaitingRunner(double seconds, double reports_per_second)
        : seconds_(seconds), pause_(1.0 / reports_per_second) {}

    void start(const Task&) override {
        begin_ = Clock::now();
        reports_ = 0;
        running_ = true;
    }
    void checkpoint() override {}
    void stop() override {}
    std::optional<Event> poll() override {
        if (!running_) return std::nullopt;
        const double now = Seconds(Clock::now() - begin_).count();
        if (now >= seconds_) {
            running_ = false;
            TaskReport report;
            report.result.seconds = now;
            return report;
        }
        if (now < pause_ * static_cast<double>(reports_ + 1)) return std::nullopt;
        ++reports_;
        return TaskProgress{.fraction = now / seconds_, .epoch = 1, .checkpoint_seconds = 0.1};
    }

private:
    double seconds_;
    double pause_;
    Clock::time_point begin_;
    std::uint64_t reports_ = 0;
    bool running_ = false;
};

/// A farm and what it cost rank 0.
struct Cost {
    double seconds = 0.0;
    double processor_seconds = 0.0;
};

Cost run(const mpi::Communicator& world, std::size_t n_tasks, WaitingRunner& runner) {
    const auto path =
        std::filesystem::temp_directory_path() / fmt::format("farm_bench-{}.jsonl", ::getpid());
    std::vector<Task> tasks;
    std::unique_ptr<Journal> journal;
    if (world.is_root()) {
        journal = std::make_unique<Journal>(path, JournalState{});
        for (std::uint64_t i = 0; i < n_tasks; ++i) {
            tasks.push_back({{1, i}, fmt::format("S/member {}", i), 1e9, {}});
        }
    }
    const double processor = bench::processor_seconds();
    Cost cost;
    cost.seconds =
        bench::seconds_of([&] { run_farm(world, std::move(tasks), runner, journal.get(), Log()); });
    cost.processor_seconds = bench::processor_seconds() - processor;
    std::filesystem::remove(path);
    return cost;
}

int measure(int argc, char** argv) {
    const mpi::Session session(argc, argv);
    const mpi::Communicator& world = session.world();
    const bench::Arguments arguments(argc, argv, 1, {{"seconds", "10"}, {"tasks", "1000"}});
    const auto ranks = static_cast<std::size_t>(world.size());
    nlohmann::ordered_json result{{"ranks", ranks}};
    for (const double messages : {1.0, 100.0, 1000.0}) {
        WaitingRunner runner(static_cast<double>(arguments.count("seconds")),
                             world.is_root() ? 1.0 : messages);
        const Cost cost = run(world, ranks, runner);
        result["waiting"].push_back({{"messages_per_second", messages},
                                     {"share_of_a_core", cost.processor_seconds / cost.seconds}});
    }
    const std::size_t tasks = arguments.count("tasks");
    constexpr double task_seconds = 0.01;
    WaitingRunner runner(task_seconds, 1.0);
    const Cost cost = run(world, tasks, runner);
    const auto per_task = [&](double seconds) { return seconds / static_cast<double>(tasks); };
    result["short_tasks"] = {
        {"tasks", tasks},
        {"task_seconds", task_seconds},
        {"overhead_seconds", per_task(cost.seconds * static_cast<double>(ranks)) - task_seconds},
        {"processor_seconds", per_task(cost.processor_seconds)}};
    if (world.is_root()) std::printf("%s\n", result.dump(2).c_str());
    return 0;
}

}  // namespace
}  // namespace ratiofarm

int main(int argc, char** argv) {
    return ratiofarm::mpi::guarded([&] { return ratiofarm::measure(argc, argv); });
}
