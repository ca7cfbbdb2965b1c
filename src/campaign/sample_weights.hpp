#pragma once

#include <string>
#include <vector>

#include "ratiofarm/protocol/sample_info.hpp"

#include "campaign.hpp"

namespace ratiofarm {

/// What should be known of the weights of a sample, or of a part of it, before nets or a fit with
/// it are believed: one event that carries much of it, or few effective events. Mostly nothing.
std::vector<std::string> weight_doubts(const std::string& what, const WeightSums& sums);

/// \throws DataError if observed events do not sum to their number: they count once each
void expect_unit_weights(const Campaign& campaign, const std::vector<SampleInfo>& samples);

}  // namespace ratiofarm
