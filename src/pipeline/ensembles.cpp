#include "ensembles.hpp"

#include <filesystem>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

const TrainingResult* TrainedResults::find(const Digest& task) {
    const auto known = known_.find(task);
    if (known != known_.end()) return &known->second;
    const std::filesystem::path path = directory_.result(task);
    if (!std::filesystem::exists(path)) return nullptr;
    try {
        auto result = read_task_file<TrainingResult>(path, task);
        for (TrainedNet& net : result.nets) net.row = {};
        return &known_.emplace(task, std::move(result)).first->second;
    } catch (const DataError&) {
        damaged_.push_back(task);
        return nullptr;
    }
}

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
