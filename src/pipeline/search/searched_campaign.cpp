#include "searched_campaign.hpp"

#include <filesystem>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

#include "core/sealed_text.hpp"

namespace ratiofarm {

std::optional<SearchRecord> find_search(const RunDirectory& directory) {
    const std::filesystem::path path = directory.search_json();
    if (!std::filesystem::exists(path)) return std::nullopt;
    try {
        return parse_search_json(read_sealed(path));
    } catch (const DataError& damage) {
        throw DataError(fmt::format(
            "{}; 'ratiofarm search' makes '{}' again (or 'ratiofarm run', which does it, too)",
            damage.what(), path.string()));
    }
}

std::vector<TrainTask> known_trials(const GraphInputs& inputs, const RunDirectory& directory) {
    SearchPlan plan = make_search_plan(inputs);
    const auto record = find_search(directory);
    if (record && record->inputs == plan.digest) {
        while (plan.settings.size() < record->trials.size()) {
            add_trial(plan, inputs, record->trials[plan.settings.size()].setting);
        }
    }
    return plan.tasks;
}

std::optional<Campaign> searched_campaign(const GraphInputs& inputs,
                                          const RunDirectory& directory) {
    const auto record = find_search(directory);
    if (!record) return std::nullopt;
    const SearchPlan plan = make_search_plan(inputs);
    if (record->inputs != plan.digest) return std::nullopt;
    return with_setting(inputs.campaign, record->trials[record->best.trial].setting);
}

std::optional<Campaign> searched_campaign(const Campaign& campaign, const RunDirectory& directory) {
    const auto record = find_search(directory);
    if (!record) return std::nullopt;
    return with_setting(campaign, record->trials[record->best.trial].setting);
}

}  // namespace ratiofarm
