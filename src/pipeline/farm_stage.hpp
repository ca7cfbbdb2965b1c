#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "farm/task.hpp"
#include "farm/worker.hpp"
#include "protocol/task_file.hpp"

#include "other_farms.hpp"
#include "stages.hpp"

namespace ratiofarm {

/// Collective over the context's world. Does the tasks whose result files are not there yet. A job
/// that joined others, and has not the turn of doing what only one can do, does those that it can
/// claim, until all are done or given up: elsewhere says that others do what is left.
/// \param tasks on rank 0, each after those it reads
/// \param kind of the result files
StageEnd farm_stage(RunContext& context,
                    const RunPlace& place,
                    RootBooks& books,
                    std::vector<Task> tasks,
                    TaskFileKind kind);

/// Likewise once, for tasks of which each round knows more: done says of a job that joined only
/// that it did some; elsewhere, that it can claim none now.
StageEnd farm_round(RunContext& context,
                    const RunPlace& place,
                    RootBooks& books,
                    std::vector<Task> tasks,
                    TaskFileKind kind);

/// Collective over the context's world. Rounds until there is none, one failed or was stopped, or
/// others do what is left for longer than this job waits.
StageEnd farm_rounds(RunContext& context,
                     const RunPlace& place,
                     const std::function<std::optional<StageEnd>()>& next_round);

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
