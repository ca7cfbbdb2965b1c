#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "farm/task.hpp"
#include "farm/worker.hpp"
#include "protocol/task_file.hpp"

#include "stages.hpp"

namespace ratiofarm {

/// Collective over the context's world. Does the tasks whose result files are not there yet. A job
/// that joined others does those trainings that it can claim: StageEnd::State::done then says only
/// that it did some; if it can claim none, elsewhere says that others do what is left, tasks_failed
/// that the rest was given up.
/// \param tasks on rank 0, each after those it reads
/// \param kind of the result files
StageEnd farm_stage(RunContext& context,
                    const RunPlace& place,
                    RootBooks& books,
                    std::vector<Task> tasks,
                    TaskFileKind kind);

/// On rank 0. The journals know all results of these tasks from here on: those that other jobs
/// made, and those whose line was lost with the farm that made them.
void note_results(const RunPlace& place,
                  RootBooks& books,
                  const std::vector<Task>& tasks,
                  TaskFileKind kind,
                  const Log& log);

/// Like farm_stage(), while more tasks become known: after each task that ends, those that more()
/// returns are begun, too. They must have no results yet.
struct GrowingTasks {  ///< FarmOptions, on rank 0
    std::function<std::vector<Task>(const Digest& ended, TaskOutcome how)> more;
    std::function<std::optional<std::vector<Task>>()> others = {};
};
StageEnd growing_farm_stage(RunContext& context,
                            const RunPlace& place,
                            RootBooks& books,
                            std::vector<Task> tasks,
                            TaskFileKind kind,
                            const GrowingTasks& growing);

/// Makes the runner of a rank's tasks. Called on every rank or, if there is nothing to do, on none.
using MakeRunner = std::function<std::unique_ptr<TaskRunner>()>;

/// Like farm_stage(), with runners that are not trainers.
StageEnd farm_stage(RunContext& context,
                    const RunPlace& place,
                    RootBooks& books,
                    std::vector<Task> tasks,
                    TaskFileKind kind,
                    const MakeRunner& make_runner);

}  // namespace ratiofarm
