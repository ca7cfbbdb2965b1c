#pragma once

#include <string>
#include <vector>

#include "campaign/campaign.hpp"
#include "campaign/ensemble_choice.hpp"
#include "campaign/task_graph.hpp"
#include "store/journal.hpp"
#include "store/run_directory.hpp"

namespace ratiofarm {

/// Tasks of the campaign of a run directory, for commands that take no lock: trainings and
/// evaluations, also of a preselection; none where the fit begins with ratios.
struct PlannedTasks {
    Campaign campaign;
    TaskGraph graph;
    std::vector<EnsembleChoice> choices;  ///< with replacements and further members
    std::vector<TrainTask> trials;        ///< of a search
};

/// \param device "cpu" or "cuda": what the nets are trained on
/// \throws Error if campaign or events cannot be read
PlannedTasks planned_tasks(const RunDirectory& directory, const std::string& device);

void identify(JournalState& history, const PlannedTasks& planned);

/// Says of lines that an older version wrote which tasks they are about, as far as the files of
/// the run directory tell it; see pipeline/task_identities.hpp. Does not throw.
void identify_old_lines(JournalState& history, const RunDirectory& directory);

}  // namespace ratiofarm
