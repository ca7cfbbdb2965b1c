#pragma once

#include <vector>

#include "farm/task.hpp"

#include "workspace.hpp"

namespace ratiofarm {

/// The evaluations of the workspace's graph, with what only the ensemble files say: how many nets
/// there are and where they lie. Reads the ensemble files; not collective.
/// \throws DataError if one is missing or belongs to other trainings
std::vector<Task> inference_tasks(const TaskGraph& graph, const RunDirectory& directory);

/// Removes the results of those evaluations, once ratios.h5 holds them.
void remove_inference_results(const TaskGraph& graph, const RunDirectory& directory);

}  // namespace ratiofarm
