#pragma once

#include "campaign/task_graph.hpp"
#include "store/journal.hpp"
#include "store/run_directory.hpp"

/// Lines that an older version wrote into a journal name their tasks, but do not say which they
/// are. Planned tasks tell it by their digests; tasks that are planned no more stay unknown: they
/// count as no net, no toys and no trial, and teach no costs. Their results are used as ever, since
/// those are found only by digest.
namespace ratiofarm {

bool has_unknown_tasks(const JournalState& history);

/// Trainings and inferences of a graph.
void identify(JournalState& history, const TaskGraph& graph);

/// Those that are left, as far as the kinds of their results say it: toys. Their families stay
/// unknown.
void identify_toys(JournalState& history, const RunDirectory& directory);

}  // namespace ratiofarm
