#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ratiofarm/core/log.hpp"
#include "ratiofarm/fit/fit_result.hpp"
#include "ratiofarm/fit/likelihood.hpp"

namespace ratiofarm {

struct FitOptions {
    unsigned starts = 4;            ///< probes for further minima over the range of each parameter
                                    ///< that may have several; 0: none
    unsigned max_iterations = 100;  ///< of one descent
    double edm = 1e-16;             ///< g^T H^-1 g / 2, in units of the NLL
    double same_nll = 1e-6;         ///< minima closer than this count as equally deep
    bool interval = true;           ///< also the ends of t < 1 of the parameter of interest
    std::vector<std::string> intervals = {};  ///< and of these parameters
    /// Points, theta, to descend from as well: where a scan or a test found a deeper place. What is
    /// missing at their end starts as the model says.
    std::vector<std::vector<double>> places = {};
};

/// Collective over the likelihood's communicator. Minimises from the model's start by trust-region
/// Newton in internal coordinates, inside the ranges, then looks for further minima along every
/// parameter in which some coefficient is not linear (a signed mixture often has several minima),
/// and beyond 0 of every parameter whose effects turn round or bend there (one-sided variations
/// have mirrored minima). Where a profile for an interval comes below the minimum, the fit goes on
/// from there, with a warning. Minima with t > 25 are not looked for. A parameter that is fixed, or
/// that nothing depends on, stays at its start. Errors, impacts and the breakdown come from the
/// exact Hessian at the minimum, which is the last pass of the descent; error_low and error_high
/// from profiles, t < 1. \param log gets lines only on rank 0; results and warnings are the same on
/// every rank \throws ConfigError if a start lies outside its range, or an interval's name is
/// unknown
FitResult fit(const Likelihood& likelihood, const FitOptions& options, const Log& log);

}  // namespace ratiofarm
