#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ratiofarm/core/log.hpp"
#include "ratiofarm/fit/fit_result.hpp"
#include "ratiofarm/fit/likelihood.hpp"

namespace ratiofarm {

struct FitOptions {
    unsigned starts_per_parameter = 4;  ///< besides the model's own start, over each range
    unsigned max_iterations = 100;      ///< of one start
    double edm = 1e-16;                 ///< g^T H^-1 g / 2, in units of the NLL
    double same_nll = 1e-6;             ///< minima closer than this count as equally deep
    bool interval = true;               ///< also the ends of t < 1 of the parameter of interest
};

/// Collective over the likelihood's communicator. Minimises from the model's start and from points
/// spread over the range of every free parameter that stands in a coefficient, because a signed
/// mixture often has several minima. Trust-region Newton in internal coordinates, inside the
/// ranges. A parameter that is fixed stays at its start.
/// Errors come from the inverse of the exact Hessian at the minimum; error_low and error_high of
/// the parameter of interest from its profile, t < 1.
/// \param log gets lines on rank 0 alone; results and warnings are the same on every rank
/// \throws ConfigError if a start lies outside its range
FitResult fit(const Likelihood& likelihood, const FitOptions& options, const Log& log);

}  // namespace ratiofarm
