#pragma once

#include <vector>

#include "measurement/fit_input.hpp"

#include "report_inputs.hpp"

namespace ratiofarm {

/// The bins of all binned regions of a campaign, as fitted and as expected at the minimum. Not
/// collective.
/// \param record of a fit of this campaign; parameters that it does not have are at their start
/// \throws DataError if a ratio file does not fit the campaign
std::vector<BinnedPicture> binned_pictures(const Campaign& campaign,
                                           const RatioFiles& ratios,
                                           const FitRecord& record);

}  // namespace ratiofarm
