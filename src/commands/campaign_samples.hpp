#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ratiofarm/protocol/sample_info.hpp"

#include "campaign/campaign.hpp"

namespace ratiofarm {

/// Path of the campaign file of a command line whose argument may be missing.
std::filesystem::path campaign_argument(const std::vector<std::string>& positional);

/// The samples of a campaign, read and checked.
/// \throws DataError with every problem of the events file
std::vector<SampleInfo> read_campaign_samples(const Campaign& campaign);

/// What `ratiofarm simulate` would write, before it has.
std::vector<SampleInfo> samples_to_simulate(const Campaign& campaign);

}  // namespace ratiofarm
