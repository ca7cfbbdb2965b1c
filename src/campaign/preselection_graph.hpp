#pragma once

#include <string_view>
#include <vector>

#include "ratiofarm/protocol/sample_info.hpp"

#include "campaign.hpp"
#include "ensemble_spec.hpp"
#include "task_graph.hpp"

namespace ratiofarm {

/// The only ensemble of a preselection; names its file and its tasks. No process may have the name.
inline constexpr std::string_view preselection_ensemble = "preselection";

/// What its nets learn: the classes of [preselection] in their order. The samples of the processes
/// of a class have shares of it as their yields; a sample of several processes is one part.
/// \pre campaign.preselection, every class with a process
/// \throws DataError if a sample is missing
EnsembleSpec preselection_spec(const Campaign& campaign, const std::vector<SampleInfo>& samples);

/// Only the tasks of the preselection, for the stages that work on a graph (train, gather): its
/// nets, with network and options of [preselection], and their evaluation on every sample that the
/// campaign reads, nominal, varied and data. Results of the inferences are ScoreBlocks of all rows
/// of their range, whatever the split says: with folds an event of a simulated sample is judged by
/// the nets that did not see it, one of the data sample by all.
/// \pre as preselection_spec()
/// \throws DataError if a sample or a feature is missing
TaskGraph make_preselection_graph(const GraphInputs& inputs);

}  // namespace ratiofarm
