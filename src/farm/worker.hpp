#pragma once

#include <optional>
#include <variant>

#include "channel.hpp"
#include "task.hpp"

namespace ratiofarm {

/// Does tasks, one at a time, without blocking its caller.
class TaskRunner {
public:
    using Event = std::variant<TaskProgress, TaskReport>;  ///< a TaskReport ends the task

    virtual ~TaskRunner() = default;
    virtual void start(const Task& task) = 0;
    virtual void checkpoint() = 0;  ///< write a checkpoint now and go on
    virtual void stop() = 0;        ///< write a checkpoint and end with TaskOutcome::stopped
    virtual std::optional<Event> poll() = 0;
};

/// The worker's half of the protocol: takes assignments from rank 0, has them done, reports.
class Worker {
public:
    /// \param channel, runner outlive the worker
    Worker(Channel& channel, TaskRunner& runner);

    /// Takes a message of the scheduler.
    void receive(const Message& message);

    /// Passes on the events of the runner; never blocks.
    /// \return whether anything happened
    bool step();

    bool running() const { return running_.has_value(); }

    /// Rank 0 has no more work.
    bool quit() const { return quit_; }

private:
    struct Running {
        AttemptId attempt;
        Digest task;
    };

    void on(const TaskRunner::Event& event);

    Channel& channel_;
    TaskRunner& runner_;
    std::optional<Running> running_;
    bool announced_ = false;
    bool quit_ = false;
};

}  // namespace ratiofarm
