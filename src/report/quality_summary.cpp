#include "quality_summary.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <memory>
#include <utility>

#include "ratiofarm/tables/ensemble_file.hpp"

#include "campaign/ensemble_spec.hpp"

namespace ratiofarm {
namespace {

/// The gates as the nets were judged by them: saturation of a net that was chosen is that of its
/// density, not a fault.
std::vector<GateCheck> checks_of_chosen(const TrainedNet& net, const GatesSection& gates) {
    std::vector<GateCheck> checks = gate_checks(net, gates);
    for (GateCheck& check : checks) {
        if (check.gate == "saturated") check.passed = true;
    }
    return checks;
}

EnsembleQuality quality_of(const EnsembleFile& file, const GatesSection& gates) {
    EnsembleQuality ensemble{.name = file.header.name, .features = file.header.features};
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
                                 net.result.quality, net.result.scores,
                                 checks_of_chosen(net.result, gates)});
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

EnsembleQuality quality_of(const EnsembleChoice& choice,
                           const GatesSection& gates,
                           std::vector<std::string> features) {
    EnsembleQuality ensemble{.name = choice.name,
                             .features = std::move(features),
                             .failures = choice.failures(),
                             .planned = choice.slots.size(),
                             .spread = choice.spread};
    for (const Exclusion& exclusion : choice.exclusions()) {
        ensemble.excluded.push_back({exclusion.net, exclusion.text});
    }
    for (const NetSlot& slot : choice.slots) {
        std::uint32_t attempts = 0;
        for (const TriedNet& net : slot.tried) {
            ensemble.nets.push_back({net.name, ++attempts, net.result->best_validation_loss,
                                     net.result->quality, net.result->scores,
                                     gate_checks(*net.result, gates)});
        }
    }
    return ensemble;
}

}  // namespace

std::vector<EnsembleQuality> collect_quality(const ReportSources& sources) {
    const Campaign& campaign = sources.campaign;
    std::vector<EnsembleQuality> ensembles;
    if (sources.unresolved) {  // the preselection, if anything
        for (const EnsembleChoice& choice : sources.ungathered) {
            ensembles.push_back(quality_of(choice, campaign.gates,
                                           net_settings(campaign, EnsembleRole::classes).features));
        }
        return ensembles;
    }
    if (!campaign.has_events()) return ensembles;
    for (const EnsembleSpec& spec : ensemble_specs(campaign)) {
        const auto choice = std::ranges::find(sources.ungathered, spec.name, &EnsembleChoice::name);
        const auto path = sources.directory.ensemble(spec.name);
        if (choice != sources.ungathered.end()) {
            ensembles.push_back(
                quality_of(*choice, campaign.gates, net_settings(campaign, spec.role).features));
        } else if (std::filesystem::exists(path)) {
            ensembles.push_back(quality_of(read_ensemble(path), campaign.gates));
        }
    }
    return ensembles;
}

EnsembleSummary summarise_training(const EnsembleChoice& choice, Combine combine) {
    EnsembleSummary summary;
    summary.combine = word_for(combine);
    summary.spread = std::numeric_limits<double>::quiet_NaN();
    for (const NetSlot& slot : choice.slots) {
        for (const TriedNet& tried : slot.tried) {
            const TrainedNet& net = *tried.result;
            summary.training_events = net.training_events;
            summary.validation_events = net.validation_events;
            summary.negative_weights = net.negative_weights;
            summary.members.push_back({.training_loss = net.training_loss,
                                       .validation_loss = net.validation_loss,
                                       .best_epoch = net.best_epoch,
                                       .best_validation_loss = net.best_validation_loss});
        }
    }
    return summary;
}

const char* word_for(Combine combine) {
    return combine == Combine::mean_log_ratio ? "mean log ratio" : "mean ratio";
}

}  // namespace ratiofarm
