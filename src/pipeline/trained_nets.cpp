#include "trained_nets.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "campaign/ensemble_spec.hpp"
#include "ratiofarm/core/partition.hpp"

namespace ratiofarm {
namespace {

std::optional<std::uint64_t> number_in(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// Some nets of a training by its name.
struct NamedNets {
    std::string kind;  ///< all but the numbers: "S/fold 1/member"
    Range numbers;     ///< empty if it is no such name
};

/// "S/fold 1/member 3", "S/replicas 0..7"; packs are named like single nets.
NamedNets nets_of(const std::string& name) {
    const std::size_t space = name.rfind(' ');
    if (space == std::string::npos) return {};
    NamedNets nets{name.substr(0, space), {}};
    for (const std::string_view word : {"/members", "/replicas"}) {
        if (nets.kind.ends_with(word)) nets.kind.pop_back();
    }
    const std::string_view numbers = std::string_view(name).substr(space + 1);
    const std::size_t dots = numbers.find("..");
    const auto first = number_in(numbers.substr(0, dots));
    const auto last = dots == std::string_view::npos ? first : number_in(numbers.substr(dots + 2));
    if (first && last && *first <= *last) nets.numbers = {*first, *last + 1};
    return nets;
}

/// Nets of each fold by kind.
std::map<std::string, std::uint64_t> planned_nets(const Campaign& campaign) {
    std::map<std::string, std::uint64_t> planned;
    if (!campaign.has_events()) return planned;
    const std::uint32_t folds = campaign.split.folds;
    for (const EnsembleSpec& spec : ensemble_specs(campaign)) {
        for (std::uint32_t fold = 0; fold < std::max(folds, 1U); ++fold) {
            planned.emplace(nets_of(net_name(spec, folds, fold, 0)).kind, spec.members);
        }
    }
    return planned;
}

}  // namespace

TrainedNets count_trained_nets(const Campaign& campaign, const JournalState& journal) {
    const auto planned = planned_nets(campaign);
    TrainedNets nets;
    for (const auto& [kind, members] : planned) nets.planned += members;
    for (const auto& [name, task] : journal.latest) {
        const NamedNets named = nets_of(name);
        const auto found = planned.find(named.kind);
        const bool replacement = name.find("/replacement ") != std::string::npos;
        if (found == planned.end() && !replacement) continue;
        nets.seconds += journal.committed.at(task).seconds;
        if (found == planned.end()) continue;
        const std::uint64_t last = std::min(named.numbers.last, found->second);
        nets.trained += last - std::min(named.numbers.first, last);
    }
    return nets;
}

}  // namespace ratiofarm
