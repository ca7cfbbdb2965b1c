#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ratiofarm {

/// One parameter at the minimum.
struct FittedParameter {
    std::string name;
    double value = 0.0;
    double error = 0.0;      ///< sqrt of the diagonal of the inverse Hessian of the NLL; 0 if fixed
    bool fixed = false;
    bool at_bound = false;   ///< the error then holds the free parameters only
};

/// A local minimum that the search found from some start.
struct Minimum {
    std::vector<double> parameters;  ///< theta
    double nll = 0.0;
};

/// Events that needed a policy, with counts: nothing is dropped silently.
struct GuardCounts {
    std::uint64_t events = 0;                ///< in the likelihood
    std::uint64_t zero_weight = 0;           ///< no effect, skipped
    std::uint64_t non_positive_mixture = 0;  ///< D_i <= 0 at the minimum
};

/// t_mu = 2 (NLL(mu) - NLL(mu-hat)), other parameters profiled.
struct ScanPoint {
    double poi = 0.0;
    double t = 0.0;
};

struct FitResult {
    std::string poi;
    bool converged = false;
    double nll = 0.0;
    double edm = 0.0;               ///< g^T H^-1 g / 2 at the minimum
    std::uint64_t passes = 0;       ///< over the events
    std::vector<FittedParameter> parameters;
    std::vector<std::vector<double>> covariance;   ///< [n][n], zero rows where fixed
    std::vector<std::vector<double>> correlation;
    std::vector<Minimum> minima;    ///< distinct ones, best first
    GuardCounts guards;
    std::vector<std::string> warnings;
    std::vector<ScanPoint> scan;
};

}  // namespace ratiofarm
