#pragma once

#include <vector>

#include "ratiofarm/core/task_file.hpp"
#include "ratiofarm/farm/task.hpp"

#include "stages.hpp"

namespace ratiofarm {

/// Collective over the context's world. Does the tasks whose result files are not there yet.
/// \param tasks on rank 0, in any order
/// \param kind of the result files
StageEnd farm_stage(CommandContext& context,
                    Workspace& workspace,
                    std::vector<Task> tasks,
                    TaskFileKind kind);

}  // namespace ratiofarm
