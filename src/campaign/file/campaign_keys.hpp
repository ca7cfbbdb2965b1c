#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ratiofarm {

/// Keys of one table of a campaign file. `section` is its path ("" for the file itself, "process"
/// for each [[process]]).
struct CampaignKeys {
    std::string section;
    std::vector<std::string> keys;
    /// What each may be and its default, "whole number from 1 to 1000, 4"; empty where only
    /// docs/campaign.md says it.
    std::vector<std::string> values = {};
};

/// Every table with fixed keys and all keys the parser knows, reserved ones included. Tables whose
/// keys are names of the campaign ([parameters], reference.mixture) are not among them.
std::span<const CampaignKeys> campaign_keys();

/// Likewise of a study file, with tables that it shares with campaigns; the file itself is called
/// `study_file`.
std::span<const CampaignKeys> study_keys();
inline constexpr std::string_view study_file = "study file";

/// Keys of one section of either.
std::span<const std::string> campaign_keys(std::string_view section);

}  // namespace ratiofarm
