#pragma once

#include <string>
#include <vector>

#include "campaign/campaign.hpp"
#include "campaign/ensemble_choice.hpp"
#include "campaign/task_graph.hpp"
#include "campaign/unfolding_tasks.hpp"
#include "store/journal.hpp"
#include "store/run_directory.hpp"

namespace ratiofarm {

/// Tasks of the campaign of a run directory, for commands that take no lock: trainings and
/// evaluations, also of a preselection, or the chains of an unfolding; none where the fit begins
/// with ratios.
struct PlannedTasks {
    Campaign campaign;
    TaskGraph graph;
    std::vector<EnsembleChoice> choices;  ///< with replacements and further members
    std::vector<TrainTask> trials;        ///< of a search
    UnfoldingPlan unfolding;
    bool is_complete =
        false;  ///< all nets and evaluations are known; not of an unfolding or search
};

/// What a user calls a planned task: its name, that of one of its nets, or the first digits of its
/// digest.
bool is_meant(const TrainTask& task, const std::string& wanted);
bool is_meant(const InferTask& task, const std::string& wanted);
bool is_meant(const UnfoldTask& task, const std::string& wanted);
bool is_meant(const Digest& task, const std::string& wanted);

/// \param device "cpu" or "cuda": what the nets are trained on
/// \param wanted  a task: choices are made only for the ensemble it belongs to, and for those that
///                this one begins as, for results of all nets are many files. Of all if no planned
///                task is meant
/// \throws Error if campaign or events cannot be read
PlannedTasks planned_tasks(const RunDirectory& directory,
                           const std::string& device,
                           const std::string& wanted = "");

void identify(JournalState& history, const PlannedTasks& planned);

/// Says of lines that an older version wrote which tasks they are about, as far as the files of
/// the run directory tell it; see pipeline/task_identities.hpp. Does not throw.
void identify_old_lines(JournalState& history, const RunDirectory& directory);

}  // namespace ratiofarm
