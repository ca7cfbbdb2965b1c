#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ratiofarm/protocol/sample_info.hpp"

#include "campaign/campaign.hpp"

namespace ratiofarm {

/// Path of the campaign file of a command line whose argument may be missing.
std::filesystem::path campaign_argument(const std::vector<std::string>& positional);

/// The samples of a campaign, read and checked; touches nothing but the run directory, and that
/// only if the events file has a foreign layout and must be copied once.
/// \param out run directory; empty: "<campaign name>.run"
/// \throws DataError with every problem of the events file
std::vector<SampleInfo> read_campaign_samples(const Campaign& campaign,
                                              const std::filesystem::path& out);

/// What `ratiofarm simulate` would write, before it has.
std::vector<SampleInfo> samples_to_simulate(const Campaign& campaign);

}  // namespace ratiofarm
