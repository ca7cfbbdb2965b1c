#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "campaign/campaign.hpp"

namespace ratiofarm {

/// Each line of a text.
void add_lines(std::vector<std::string>& lines, const std::string& text);

/// Why `train` and `run` would refuse a campaign that `fit` may take.
std::optional<std::string> training_problem(const Campaign& campaign);

/// What is wrong with the events, as far as the campaign says which events it means.
std::vector<SampleInfo> check_events(const Campaign& campaign,
                                     const std::filesystem::path& file,
                                     std::vector<std::string>& mistakes,
                                     std::vector<std::string>& warnings);

}  // namespace ratiofarm
