#include "trained_nets.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "ratiofarm/campaign/ensemble_spec.hpp"
#include "ratiofarm/core/partition.hpp"

namespace ratiofarm {
namespace {

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// The nets of a training's name after its last '/': "member 3", "replicas 0..7". Empty for
/// anything else.
Range nets_of(std::string_view word) {
    for (const std::string_view kind : {"members ", "member ", "replicas ", "replica "}) {
        if (!word.starts_with(kind)) continue;
        word.remove_prefix(kind.size());
        const std::size_t dots = word.find("..");
        const auto first = number(word.substr(0, dots));
        const auto last = dots == std::string_view::npos ? first : number(word.substr(dots + 2));
        if (first && last && *first <= *last) return {*first, *last + 1};
    }
    return {};
}

/// Nets of each fold by what stands before the last '/' of their names.
std::map<std::string, std::uint64_t, std::less<>> planned_nets(const Campaign& campaign) {
    std::map<std::string, std::uint64_t, std::less<>> planned;
    if (!campaign.has_events()) return planned;
    const std::uint32_t folds = campaign.split.folds;
    for (const EnsembleSpec& spec : ensemble_specs(campaign)) {
        for (std::uint32_t fold = 0; fold < std::max(folds, 1U); ++fold) {
            const std::string name = net_name(spec, folds, fold, 0);
            planned.emplace(name.substr(0, name.rfind('/')), spec.members);
        }
    }
    return planned;
}

}  // namespace

TrainedNets count_trained_nets(const Campaign& campaign, const JournalState& journal) {
    const auto planned = planned_nets(campaign);
    TrainedNets nets;
    for (const auto& [name, members] : planned) nets.planned += members;
    for (const auto& [name, task] : journal.latest) {
        const std::size_t slash = name.rfind('/');
        if (slash == std::string::npos) continue;
        const std::string_view word = std::string_view(name).substr(slash + 1);
        const Range trained = nets_of(word);
        if (trained.empty() && !word.starts_with("replacement ")) continue;
        nets.seconds += journal.committed.at(task).seconds;
        const auto found = planned.find(std::string_view(name).substr(0, slash));
        if (found == planned.end()) continue;
        const std::uint64_t last = std::min(trained.last, found->second);
        nets.trained += last - std::min(trained.first, last);
    }
    return nets;
}

}  // namespace ratiofarm
