#pragma once

#include <optional>
#include <variant>

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

}  // namespace ratiofarm
