#pragma once

#include <string>
#include <vector>

#include "ratiofarm/fit/fit_result.hpp"

#include "fit_input.hpp"

namespace ratiofarm {

/// A line for each unbinned region where the number of observed events is more than five standard
/// deviations from what the fit expects at its minimum: no value of a parameter is right then.
/// Nothing for Asimov data. \throws DataError as the ratio files
std::vector<std::string> yield_warnings(const Campaign& campaign,
                                        const StatisticalModel& model,
                                        const RatioFiles& ratios,
                                        const FitResult& fit);

}  // namespace ratiofarm
