// [reference]: the denominator of all ratios.
#include <algorithm>
#include <cmath>

#include "ratiofarm/core/errors.hpp"

#include "campaign/selection/reference_priors.hpp"

#include "section_readers.hpp"

namespace ratiofarm {
namespace {

using Prior = ReferenceSection::Prior;

/// A number, "yield", or { cap = 20 }.
std::optional<Prior> read_prior(const ConfigMember& entry,
                                const std::string& path,
                                const Campaign& campaign,
                                Mistakes& mistakes) {
    Prior prior{.process = entry.key};
    const NumberLimits positive{.low = 0.0, .low_allowed = false};
    if (const auto* word = entry.value.get_if<std::string>()) {
        prior.kind = Prior::Kind::yield;
        const auto declared = std::ranges::find(campaign.processes, entry.key,
                                                [](const auto& process) { return process.name; });
        if (*word != "yield") {
            mistakes.wrong(entry.value, path,
                           "must be a number > 0, \"yield\" or { cap = M } with M >= 1");
        } else if (declared != campaign.processes.end() && !declared->yield) {
            mistakes.wrong(entry.value, path,
                           "the process declares no yield; give process.yield, or a number here");
        } else {
            return prior;
        }
        return std::nullopt;
    }
    if (entry.value.get_if<ConfigNode::Table>() != nullptr) {
        prior.kind = Prior::Kind::cap;
        const TableReader table(&entry.value, "reference.mixture.NAME", path, mistakes);
        table.require("cap", "the largest ratio p / p_ref, for example cap = 20");
        if (!table.number("cap", {.low = 1.0}, prior.value)) return std::nullopt;
        return prior;
    }
    const auto number = read_number(entry.value, positive, path, mistakes);
    if (!number) return std::nullopt;
    prior.value = *number;
    return prior;
}

void solve_mixture(const TableReader& table, Campaign& campaign) {
    ReferenceSection& reference = campaign.reference;
    try {
        reference.mixture = solve_priors(reference.priors, [&](const std::string& process) {
            return campaign.process(process).yield.value();
        });
    } catch (const ConfigError& problem) {
        table.wrong("mixture", problem.what());
    }
}

/// Only numbers. Shares that sum to one already stay as they are, so that the resolved text reads
/// back equal.
void normalise_numbers(ReferenceSection& reference) {
    double sum = 0.0;
    for (const Prior& prior : reference.priors) {
        sum += prior.value;
        reference.mixture.emplace_back(prior.process, prior.value);
    }
    reference.priors.clear();
    constexpr double rounding = 1e-12;
    if (std::abs(sum - 1.0) < rounding || !(sum > 0.0)) return;
    for (auto& [name, share] : reference.mixture) share /= sum;
}

}  // namespace

void read_reference(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    const TableReader table = section(root, "reference", mistakes);
    // Without unbinned regions, or events, no net needs it.
    if (!table.present() && (!campaign.has_events() || campaign.unbinned.empty())) return;
    if (root.find("unfolding") != nullptr) return;  // which has none, and says so
    table.number("max_ratio", {.low = 1.0, .low_allowed = false}, campaign.reference.max_ratio);
    const ConfigNode* node = table.require(
        "mixture", "p_ref as a sum of processes, for example mixture = { S = 1, SBI = 1, B = 1 }");
    if (node == nullptr) return;
    const auto* parts = node->get_if<ConfigNode::Table>();
    if (parts == nullptr || parts->empty()) {
        table.wrong("mixture", "must be a table of processes and their shares, { S = 1, B = 1 }");
        return;
    }
    const std::size_t before = mistakes.size();
    std::vector<std::string> names;
    for (const ProcessSection& process : campaign.processes) names.push_back(process.name);
    bool numbers = true;
    for (const ConfigMember& part : *parts) {
        const std::string path = table.path("mixture") + "." + part.key;
        if (!is_known(part.key, names)) {
            mistakes.wrong(part.value, path, "no such process" + known_names(part.key, names));
        }
        const auto prior = read_prior(part, path, campaign, mistakes);
        campaign.reference.priors.push_back(prior.value_or(Prior{.process = part.key}));
        numbers = numbers && campaign.reference.priors.back().kind == Prior::Kind::number;
    }
    if (numbers) {
        normalise_numbers(campaign.reference);
    } else if (mistakes.size() == before) {
        solve_mixture(table, campaign);
    }
}

}  // namespace ratiofarm
