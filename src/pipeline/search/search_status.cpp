#include "search_status.hpp"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include <fmt/format.h>

#include "campaign/training_planner.hpp"
#include "core/units.hpp"

#include "searched_campaign.hpp"

namespace ratiofarm {
namespace {

std::uint64_t tasks_done(const JournalState& journal) {
    return static_cast<std::uint64_t>(std::ranges::count_if(journal.latest, [&](const auto& entry) {
        const TaskKind kind = journal.committed.at(entry.second).identity.kind;
        return kind == TaskKind::trial || kind == TaskKind::trial_inference;
    }));
}

/// Whether the campaign as it was written searches: the one that is trained does not.
bool has_search(const RunDirectory& directory) {
    if (!std::filesystem::exists(directory.campaign())) return false;
    try {
        return copied_campaign(directory).search.has_value();
    } catch (const DataError&) {  // `status` names it
        return false;
    }
}

/// A damaged one counts as missing: `status` names it.
std::optional<SearchRecord> find_sound_search(const RunDirectory& directory) {
    try {
        return find_search(directory);
    } catch (const DataError&) {
        return std::nullopt;
    }
}

}  // namespace

std::string search_cost_text(const SearchCost& cost, const PlannedWorkers& workers) {
    const double seconds = cost.flop / (workers.gflops * 1e9 * workers.count);
    return fmt::format(
        "search      {} trials of {} nets, measured after {} epochs: about {}, {:.0f} % of all of "
        "them at all epochs, {} at {:g} GFLOP/s; comes before the rest\n",
        cost.trials, cost.processes, fmt::join(cost.epochs, ", "), with_prefix(cost.flop, "FLOP"),
        100.0 * cost.flop / cost.grid_flop, duration_text(seconds), workers.gflops);
}

nlohmann::ordered_json search_cost_json(const SearchCost& cost) {
    return {{"trials", cost.trials},
            {"epochs", cost.epochs},
            {"flop", cost.flop},
            {"grid_flop", cost.grid_flop}};
}

std::string search_status_text(const RunDirectory& directory, const JournalState& journal) {
    if (!has_search(directory)) return {};
    const auto record = find_sound_search(directory);
    if (!record) {
        return fmt::format("search     {} tasks done, not over\n", tasks_done(journal));
    }
    return fmt::format("search     trial {} of {} is the best: {}\n", record->best.trial,
                       record->trials.size(),
                       setting_text(record->trials[record->best.trial].setting));
}

nlohmann::ordered_json search_status_json(const RunDirectory& directory,
                                          const JournalState& journal) {
    if (!has_search(directory)) return nullptr;
    const auto record = find_sound_search(directory);
    nlohmann::ordered_json json{{"tasks", tasks_done(journal)}, {"over", record.has_value()}};
    if (record) json["trial"] = record->best.trial;
    return json;
}

std::string SelectionStatus::text() const {
    std::string text = fmt::format(
        "selection  {}{}\n", done ? "there" : "missing",
        nets == 0 ? std::string() : fmt::format(", {} nets of the preselection trained", nets));
    std::istringstream lines(regions);
    for (std::string line; std::getline(lines, line);) text += "           " + line + "\n";
    return text;
}

std::optional<SelectionStatus> selection_status(const RunDirectory& directory) {
    const Campaign written = copied_campaign(directory);
    if (!needs_selection(written)) return std::nullopt;
    SelectionStatus status;
    const FoundCampaign found = find_campaign_of_run(directory);
    status.done = found.missing != Unresolved::selection;
    for (const std::string& warning : found.warnings) status.regions += warning + "\n";
    if (status.done) {
        if (const auto record = find_selection(directory)) {
            status.regions += selection_text(*record, written);
        }
    }
    return status;
}

std::uint64_t count_preselection_nets(const JournalState& journal) {
    std::uint64_t nets = 0;
    for (const auto& [name, task] : journal.latest) {
        const TaskIdentity& identity = journal.committed.at(task).identity;
        if (identity.kind == TaskKind::preselection) nets += identity.nets;
    }
    return nets;
}

}  // namespace ratiofarm
