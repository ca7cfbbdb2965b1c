#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "campaign/task_graph.hpp"
#include "results/search_record.hpp"
#include "store/run_directory.hpp"

/// From a campaign with [search] to the one with the best setting, which is trained.
namespace ratiofarm {

/// search.json, if it exists and is complete.
std::optional<SearchRecord> find_search(const RunDirectory& directory);

/// Trainings of the trials that are known: without results, and of a search that is done.
/// \throws DataError of find_search()
std::vector<TrainTask> known_trials(const GraphInputs& inputs, const RunDirectory& directory);

/// The campaign with the best setting, without [search]; nothing while its search is not done, or
/// if it was the search of another campaign. \pre inputs.campaign.search
/// \throws ConfigError, DataError of make_search_plan()
std::optional<Campaign> searched_campaign(const GraphInputs& inputs, const RunDirectory& directory);

/// Like the above if the events are not available: search.json is trusted.
std::optional<Campaign> searched_campaign(const Campaign& campaign, const RunDirectory& directory);

}  // namespace ratiofarm
