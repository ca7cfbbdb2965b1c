#pragma once

#include <string>
#include <vector>

#include "ratiofarm/fit/fit_result.hpp"
#include "ratiofarm/physics/statistical_model.hpp"

namespace ratiofarm {

/// What a user should know about a result, one sentence each.
std::vector<std::string> fit_warnings(const StatisticalModel& model,
                                      const FitResult& result,
                                      double same_nll);

}  // namespace ratiofarm
