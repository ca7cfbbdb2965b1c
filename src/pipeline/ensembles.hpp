#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "campaign/ensemble_choice.hpp"
#include "store/run_directory.hpp"

#include "planned_campaign.hpp"
#include "run_context.hpp"
#include "training_rounds.hpp"

namespace ratiofarm {

/// The ensembles of a plan as far as the results in a run directory go.
class Ensembles {
public:
    /// \param inputs, graph  outlive this, the word of the device need not
    Ensembles(const GraphInputs& inputs, const TaskGraph& graph, const RunDirectory& directory);
    Ensembles(const PlannedCampaign& planned, const RunPlace& place);

    /// All of them, in the order of the graph, now. Results that were read before are remembered.
    std::vector<EnsembleChoice> choices();

    /// As TrainedResults::take_damaged().
    std::vector<std::filesystem::path> take_damaged() { return results_.take_damaged(); }

private:
    const Campaign& campaign_;
    const std::vector<SampleInfo>& samples_;
    std::string device_;
    const TaskGraph& graph_;
    TrainedResults results_;
};

}  // namespace ratiofarm
