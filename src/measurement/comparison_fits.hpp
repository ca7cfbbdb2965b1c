#pragma once

#include <span>
#include <vector>

#include "ratiofarm/core/log.hpp"
#include "ratiofarm/protocol/sample_info.hpp"

#include "results/fit_json.hpp"

#include "fit_input.hpp"

namespace ratiofarm {

/// Fits of the same events by the same likelihood code, to compare with the result: with the
/// exact ratios if the events file has them, and with a fine histogram of each single feature.
/// They know no systematics, and say so in their labels; none for campaigns with several regions.
/// Not collective.
/// \param points scan points of the main fit
std::vector<ComparisonFit> comparison_fits(const Campaign& campaign,
                                           const StatisticalModel& model,
                                           const RatioFiles& ratios,
                                           std::span<const SampleInfo> samples,
                                           std::span<const double> points,
                                           const Log& log);

}  // namespace ratiofarm
