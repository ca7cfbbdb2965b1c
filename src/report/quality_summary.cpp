#include "quality_summary.hpp"

#include <filesystem>
#include <memory>
#include <utility>

#include "ratiofarm/tables/ensemble_file.hpp"

#include "campaign/ensemble_spec.hpp"

namespace ratiofarm {
namespace {

EnsembleQuality quality_of(const EnsembleFile& file, const GatesSection& gates) {
    EnsembleQuality ensemble;
    ensemble.name = file.header.name;
    for (const ExcludedNet& net : file.header.excluded) {
        ensemble.excluded.push_back({net.name, net.reason});
    }
    std::vector<NetSlot> slots;
    std::vector<SlotChoice> choices;
    std::size_t index = 0;
    for (EnsembleNet& net : read_nets(file)) {
        const std::string& name = file.header.names[index++];
        net.result.row = {};
        ensemble.nets.push_back({name, net.attempts, net.result.best_validation_loss,
                                 net.result.quality, gate_checks(net.result, gates)});
        slots.push_back({.name = name,
                         .fold = net.fold == no_fold ? 0 : net.fold,
                         .replica = net.replica != 0,
                         .tried = {{name,
                                    {net.task, net.index},
                                    std::make_shared<TrainedNet>(std::move(net.result))}}});
        choices.push_back({SlotChoice::State::chosen, 0, {}});
    }
    ensemble.spread = mean_spread(slots, choices);
    return ensemble;
}

}  // namespace

std::vector<EnsembleQuality> collect_quality(const Campaign& campaign,
                                             const RunDirectory& directory) {
    std::vector<EnsembleQuality> ensembles;
    if (!campaign.has_events()) return ensembles;
    for (const EnsembleSpec& spec : ensemble_specs(campaign)) {
        const auto path = directory.ensemble(spec.name);
        if (!std::filesystem::exists(path)) continue;
        ensembles.push_back(quality_of(read_ensemble(path), campaign.gates));
    }
    return ensembles;
}

}  // namespace ratiofarm
