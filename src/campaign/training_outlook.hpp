#pragma once

#include <string>
#include <vector>

#include "ratiofarm/protocol/sample_info.hpp"

#include "campaign.hpp"
#include "task_graph.hpp"

namespace ratiofarm {

/// What the events of a campaign say about its trainings before one is started.
struct TrainingOutlook {
    std::vector<std::string> mistakes;  ///< trainings that certainly fail
    std::vector<std::string> warnings;  ///< what may spoil nets: feature, sample, row and cure
};

/// \throws DataError with all mistakes, one per line, if there are any
void expect_trainings(const TrainingOutlook& outlook);

/// Looks at every ensemble of a graph: training and validation events and their weights, batch
/// size, features that do not vary, spreads that a few events make, values that stand for missing
/// ones, weights that leave few effective events. Bootstrap counts are not looked at. With
/// [unfolding] it is unfolding_outlook(). \param samples  with the facts of the rank that read
/// them; without facts nothing is found
TrainingOutlook training_outlook(const Campaign& campaign,
                                 const TaskGraph& graph,
                                 const std::vector<SampleInfo>& samples);

/// Looks at the events of an unfolding: fakes that the campaign does not know of, parts without
/// events, a feature of the data outside the range that the simulation has.
TrainingOutlook unfolding_outlook(const Campaign& campaign, const std::vector<SampleInfo>& samples);

/// Looks at the particle lists of samples: columns and types that nets need, particles and events
/// that they do not see, units that differ. Nothing where no net reads lists.
TrainingOutlook particle_outlook(const Campaign& campaign, const std::vector<SampleInfo>& samples);

/// Systematics whose sides are perhaps not what they are called: both on one side of the nominal
/// yield, up below it and down above, processes that move against each other, one side twice.
/// \param samples  with their facts; those that are missing are left out
std::vector<std::string> variation_warnings(const Campaign& campaign,
                                            const std::vector<SampleInfo>& samples);

/// What is certain of a campaign that has mistakes, and so no graph: the mistakes of the nominal
/// nets whose samples are there.
std::vector<std::string> certain_mistakes(const Campaign& draft,
                                          const std::vector<SampleInfo>& samples);

}  // namespace ratiofarm
