#include "ensembles.hpp"

#include <filesystem>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/tables/ensemble_file.hpp"

#include "campaign/training_planner.hpp"

namespace ratiofarm {

std::shared_ptr<const TrainingResult> TrainedResults::find(const Digest& task) {
    const auto known = known_.find(task);
    if (known != known_.end()) return known->second;
    const std::filesystem::path path = directory_.result(task);
    if (!std::filesystem::exists(path)) return nullptr;
    try {
        auto result = read_task_file<TrainingResult>(path, task);
        for (TrainedNet& net : result.nets) {
            net.row = {};
            if (curves_ == Curves::kept) continue;
            net.calibration = {};
            net.training_loss = net.validation_loss = {};
        }
        auto kept = std::make_shared<const TrainingResult>(std::move(result));
        return known_.emplace(task, std::move(kept)).first->second;
    } catch (const DataError&) {
        damaged_.push_back(task);
        return nullptr;
    }
}

bool is_gathered(const Campaign& campaign,
                 const RunDirectory& directory,
                 const PlannedEnsemble& wanted) {
    const auto path = directory.ensemble(wanted.spec.name);
    if (!std::filesystem::exists(path)) return false;
    try {
        const EnsembleHeader found = read_ensemble(path).header;
        return found.digest == wanted.digest &&
               found.combine == net_settings(campaign, wanted.spec.role).combine;
    } catch (const Error&) {
        return false;  // damaged, or of an older version: written again from the results
    }
}

void expect_complete(const std::vector<EnsembleChoice>& choices) {
    std::string missing;
    std::uint64_t count = 0;
    std::uint64_t slots = 0;
    for (const EnsembleChoice& choice : choices) {
        slots += choice.slots.size();
        for (std::size_t slot = 0; slot < choice.slots.size(); ++slot) {
            if (choice.choices[slot].state == SlotChoice::State::chosen) continue;
            if (++count <= 5) missing += (count == 1 ? "" : ", ") + choice.slots[slot].name;
        }
        if (count > 0 || choice.complete) continue;
        throw DataError("ensemble '" + choice.name +
                        "' needs further members; run 'ratiofarm train' first");
    }
    if (count == 0) return;
    throw DataError(fmt::format("{} of {} nets are not trained ({}{}); run 'ratiofarm train' first",
                                count, slots, missing, count > 5 ? ", ..." : ""));
}

Ensembles::Ensembles(const GraphInputs& inputs,
                     const TaskGraph& graph,
                     const RunDirectory& directory,
                     Curves curves)
    : campaign_(inputs.campaign),
      samples_(inputs.samples),
      device_(inputs.device_class),
      graph_(graph),
      results_(directory, curves) {}

Ensembles::Ensembles(const PlannedCampaign& planned, const RunPlace& place, Curves curves)
    : Ensembles({planned.campaign, planned.samples, device_class_name(place.device)},
                planned.graph,
                place.directory,
                curves) {}

std::vector<EnsembleChoice> Ensembles::choices() {
    return choose_ensembles({campaign_, samples_, device_}, graph_,
                            [this](const Digest& task) { return results_.find(task); });
}

}  // namespace ratiofarm
