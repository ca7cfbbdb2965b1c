#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/core/partition.hpp"

#include "campaign/task_graph.hpp"
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

/// The class probabilities that the farm found for the events of a sample: results of the inference
/// tasks of a preselection. One block of them is in memory at a time.
class EventScores {
public:
    /// \param graph of the preselection; outlives this
    EventScores(const TaskGraph& graph, RunDirectory directory, std::string sample);

    /// ln s_k of one event; cheap for rows in rising order. \return [classes]
    /// \throws DataError if a result is missing or damaged
    std::span<const double> of(std::uint64_t row);

private:
    void load(std::uint64_t row);

    const TaskGraph& graph_;
    RunDirectory directory_;
    std::string sample_;
    Range rows_{0, 0};             // of the block in memory
    std::vector<float> block_;     // [classes, rows]
    std::vector<double> classes_;  // of the last event
};

}  // namespace ratiofarm
