#pragma once

#include <cstdint>
#include <optional>

#include "protocol/trainer_protocol.hpp"

namespace ratiofarm::trainer {

/// What the supervisor wants of the running task.
enum class TaskOrder : std::uint8_t {
    go_on,
    checkpoint,  ///< write the state now and go on
    stop,        ///< write the state and give the task up
    abandon,     ///< the supervisor is gone: give the task up, write nothing
};

/// The thread between a running task and whoever ordered it. Both calls are cheap enough to stand
/// in the training loop: an implementation looks at its clock first.
class TaskControl {
public:
    virtual ~TaskControl() = default;

    virtual TaskOrder poll() = 0;
    virtual void report(const TaskProgress& progress) = 0;

protected:
    TaskControl() = default;
    TaskControl(const TaskControl&) = default;
    TaskControl& operator=(const TaskControl&) = default;
};

/// How a task that did not fail ended; a failed one throws.
enum class TaskEnd : std::uint8_t { done, stopped, abandoned };

struct TrainerOutcome {
    TaskEnd end = TaskEnd::done;
    std::optional<TaskResult> result;  ///< if `end` is done
};

}  // namespace ratiofarm::trainer
