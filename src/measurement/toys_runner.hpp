#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "ratiofarm/core/partition.hpp"
#include "ratiofarm/fit/toys.hpp"

#include "farm/worker.hpp"
#include "protocol/task_file.hpp"
#include "store/run_directory.hpp"

namespace ratiofarm {

/// Toys [first, last) of one point: the payload of a task.
struct ToyTask {
    std::uint64_t point = 0;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, ToyTask>& value) {
    archive(value.point, value.first, value.last);
}

/// Finished toys of a task; all of them in a result, some of them in the state of a stopped task.
struct ToyBlock {
    std::vector<ToyOutcome> outcomes;  ///< ascending
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, ToyBlock>& value) {
    archive(value.outcomes);
}

template <>
constexpr TaskFileKind task_file_kind<ToyBlock>() {
    return TaskFileKind::toy_block;
}

/// Throws and fits toys in threads of this process.
class ToyRunner final : public TaskRunner {
public:
    /// Throws and fits one toy of a task. Called by several threads at once.
    using RunToy = std::function<ToyOutcome(std::uint64_t toy)>;
    /// What the toys of a task are done with. Called from a thread of the runner.
    using MakeExperiment = std::function<RunToy(const ToyTask&)>;

    /// \param threads that work on the toys of one task together, >= 1
    ToyRunner(MakeExperiment make, RunDirectory directory, unsigned threads);
    ~ToyRunner() override;
    ToyRunner(const ToyRunner&) = delete;
    ToyRunner& operator=(const ToyRunner&) = delete;

    void start(const Task& task) override;
    void checkpoint() override { checkpoint_wanted_ = true; }
    void stop() override { stop_wanted_ = true; }
    std::optional<Event> poll() override;

private:
    struct Work;

    TaskReport report_of(const Task& task);
    TaskReport run(const Task& task);
    void run_toys(Work& work);
    void write_state(Work& work) const;

    MakeExperiment make_;
    RunDirectory directory_;
    unsigned threads_;
    std::thread thread_;
    std::atomic<bool> checkpoint_wanted_ = false;
    std::atomic<bool> stop_wanted_ = false;
    std::atomic<double> fraction_ = 0.0;
    double fraction_told_ = 0.0;
    std::mutex mutex_;
    std::optional<TaskReport> report_;
};

}  // namespace ratiofarm
