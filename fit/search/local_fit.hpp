#pragma once

#include <span>
#include <vector>

#include "ratiofarm/fit/likelihood.hpp"

namespace ratiofarm {

/// The minimum near a known one, as after a small change of the ratios.
struct LocalFit {
    bool converged = false;
    std::vector<double> u;  ///< [n], internal coordinates
    double value = 0.0;     ///< of the parameter of interest
    double newton = 0.0;    ///< value after only the first Newton step: what one pass tells
    double error = 0.0;     ///< from the Hessian at the minimum; 0 where it is held or at a bound
};

/// Collective over the likelihood's communicator. Descends from a point and looks for no other
/// minimum. \param start [n], internal coordinates
LocalFit local_fit(const Likelihood& likelihood, std::span<const double> start);

}  // namespace ratiofarm
