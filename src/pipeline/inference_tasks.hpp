#pragma once

#include <vector>

#include "farm/task.hpp"

#include "workspace.hpp"

namespace ratiofarm {

/// Collective over world. The evaluations of a graph, on rank 0, with what only the ensemble files
/// say: how many nets there are and where they lie. Trainers map the weights as they lie there, so
/// every bit of them is checked before, net by net on all ranks.
/// \throws AgreedError if a file is missing or belongs to other trainings; resumable, once a
/// damaged
///         one was set aside
std::vector<Task> inference_tasks(const mpi::Communicator& world,
                                  const TaskGraph& graph,
                                  const RunDirectory& directory);

/// Removes the results of those evaluations in their order, once ratios.h5 holds them, as far as
/// the storage lets it.
void remove_inference_results(const TaskGraph& graph, const RunDirectory& directory);

/// Likewise, what an interrupted run left of them: the last one is then among it.
void remove_left_results(const TaskGraph& graph, const RunDirectory& directory);

}  // namespace ratiofarm
