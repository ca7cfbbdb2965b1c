#pragma once

#include <string>
#include <vector>

#include "ratiofarm/fit/fit_result.hpp"
#include "ratiofarm/fit/likelihood.hpp"

namespace ratiofarm {

/// What a user should know about a result, one sentence each.
std::vector<std::string> fit_warnings(const Likelihood& likelihood,
                                      const FitResult& result,
                                      double same_nll);

}  // namespace ratiofarm
