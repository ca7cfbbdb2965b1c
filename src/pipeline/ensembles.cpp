#include "ensembles.hpp"

namespace ratiofarm {

Ensembles::Ensembles(const GraphInputs& inputs,
                     const TaskGraph& graph,
                     const RunDirectory& directory)
    : campaign_(inputs.campaign),
      samples_(inputs.samples),
      device_(inputs.device_class),
      graph_(graph),
      results_(directory) {}

Ensembles::Ensembles(const PlannedCampaign& planned, const RunPlace& place)
    : Ensembles({planned.campaign, planned.samples, device_class_name(place.device)},
                planned.graph,
                place.directory) {}

std::vector<EnsembleChoice> Ensembles::choices() {
    return choose_ensembles({campaign_, samples_, device_}, graph_,
                            [this](const Digest& task) { return results_.find(task); });
}

}  // namespace ratiofarm
