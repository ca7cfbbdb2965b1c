#pragma once

#include <vector>

#include "results/selection_record.hpp"
#include "store/run_directory.hpp"
#include "tables/events/event_selection.hpp"

#include "planned_campaign.hpp"

namespace ratiofarm {

/// Which events go where.
struct EventSelection {
    SelectionRecord record;
    std::vector<KeptEvents> kept;  ///< those of the trained region; one bit per event
};

/// Looks at every event of every sample once, block by block. Not collective.
/// \param planned whose selection is missing; with a preselection the results of its graph's
///                evaluations exist
/// \param inputs  selection_inputs()
/// \throws DataError if events or scores are damaged, or data lie outside the support
EventSelection select_events(const PlannedCampaign& planned,
                             const RunDirectory& directory,
                             const Digest& inputs);

/// The column of the score that selected.h5 gets behind the features of the file; no column without
/// a preselection or if the file has one of that name.
AddedColumns score_column(const PlannedCampaign& planned, const RunDirectory& directory);

}  // namespace ratiofarm
