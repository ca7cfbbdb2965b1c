#pragma once

#include <vector>

#include "ratiofarm/campaign/campaign.hpp"
#include "ratiofarm/core/sample_info.hpp"
#include "ratiofarm/physics/statistical_model.hpp"

namespace ratiofarm {

/// The statistical model of a campaign. A process without a declared yield has that of its sample:
/// the sum of all weights, before the split.
/// \param samples one entry per name of campaign_samples()
/// \throws DataError if a sample is missing or its weights do not sum to more than zero
StatisticalModel make_model(const Campaign& campaign, const std::vector<SampleInfo>& samples);

}  // namespace ratiofarm
