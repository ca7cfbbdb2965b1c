#pragma once

#include <string>
#include <vector>

#include "campaign/campaign.hpp"

namespace ratiofarm {

/// What differs between two campaigns, by resolved key, with absolute paths: "training.epochs:
/// 60 -> 80", "process.S.yield: (absent) -> 100.0". Keys that cannot change the result of a run are
/// left out: training.checkpoint_seconds and [simulate].
std::vector<std::string> campaign_diff(const Campaign& old_campaign, const Campaign& new_campaign);

}  // namespace ratiofarm
