#include "trained_nets.hpp"

#include <algorithm>
#include <map>
#include <string>

#include "campaign/ensemble_spec.hpp"

namespace ratiofarm {

TrainedNets count_trained_nets(const Campaign& campaign, const JournalState& journal) {
    TrainedNets nets;
    if (!campaign.has_events()) return nets;
    const std::uint32_t folds = campaign.split.folds;
    std::map<std::string, std::uint64_t> members;  // of each fold, by ensemble
    for (const EnsembleSpec& spec : ensemble_specs(campaign)) {
        members.emplace(spec.name, spec.members);
        nets.planned += std::max(folds, 1U) * std::uint64_t{spec.members};
    }
    for (const auto& [name, task] : journal.latest) {
        const TaskCommitted& event = journal.committed.at(task);
        const TaskIdentity& which = event.identity;
        if (which.kind != TaskKind::training) continue;
        const auto ensemble = members.find(which.family);
        const bool planned = ensemble != members.end() && which.replacement == 0 &&
                             which.folds == folds && which.fold < std::max(folds, 1U);
        if (planned || which.replacement > 0) nets.seconds += event.result.seconds;
        if (!planned) continue;
        const std::uint64_t end = std::uint64_t{which.first} + which.nets;
        const std::uint64_t last = std::min(end, ensemble->second);
        nets.trained += last - std::min<std::uint64_t>(which.first, last);
    }
    return nets;
}

}  // namespace ratiofarm
