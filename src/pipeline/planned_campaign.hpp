#pragma once

#include <vector>

#include "ratiofarm/protocol/sample_info.hpp"

#include "campaign/campaign.hpp"
#include "campaign/task_graph.hpp"
#include "campaign/training_outlook.hpp"

#include "found_campaign.hpp"

namespace ratiofarm {

/// A campaign with its events and its tasks; the same values on every rank.
struct PlannedCampaign {
    Campaign written;   ///< as the user wrote it, with absolute paths
    Campaign campaign;  ///< plain, what is trained and fitted; while something is missing `written`
    Unresolved missing = Unresolved::nothing;
    SourceEvents source;              ///< events of the written campaign
    std::vector<SampleInfo> samples;  ///< of `campaign`
    TaskGraph graph;  ///< of `campaign`; that of the preselection while the selection is missing
    TrainingOutlook outlook = {};  ///< of the graph, on rank 0
    std::string left_out = {};  ///< on rank 0, for who only looks: why ratios and fit are not those
                                ///< of the campaign; empty: they are, or there are none
};

}  // namespace ratiofarm
