#include "searched_campaign.hpp"

#include <filesystem>

#include "ratiofarm/core/errors.hpp"

#include "core/sealed_text.hpp"

namespace ratiofarm {

std::optional<SearchRecord> find_search(const RunDirectory& directory) {
    if (!std::filesystem::exists(directory.search_json())) return std::nullopt;
    try {
        return parse_search_json(read_sealed(directory.search_json()));
    } catch (const DataError&) {
        return std::nullopt;  // damaged, or of another version: made again from the results
    }
}

std::optional<Campaign> searched_campaign(const GraphInputs& inputs,
                                          const RunDirectory& directory) {
    const auto record = find_search(directory);
    if (!record) return std::nullopt;
    const SearchPlan plan = make_search_plan(inputs);
    if (record->inputs != plan.digest) return std::nullopt;
    return with_setting(inputs.campaign, plan.settings[record->best.trial]);
}

std::optional<Campaign> searched_campaign(const Campaign& campaign, const RunDirectory& directory) {
    const auto record = find_search(directory);
    if (!record) return std::nullopt;
    return with_setting(campaign, record->trials[record->best.trial].setting);
}

}  // namespace ratiofarm
