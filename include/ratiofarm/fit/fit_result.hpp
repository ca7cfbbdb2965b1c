#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ratiofarm {

/// One parameter at the minimum, in external coordinates (mu, not sqrt(mu)).
struct FittedParameter {
    std::string name;
    double value = 0.0;
    double error = 0.0;  ///< sqrt of the diagonal of the inverse Hessian of the NLL; 0 if fixed
    bool fixed = false;
    bool at_bound = false;  ///< the error then holds the free parameters only and is 0 here
    std::optional<double> error_low;   ///< value minus the lower end of t < 1, >= 0
    std::optional<double> error_high;  ///< upper end of t < 1 minus value, >= 0
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
    std::uint64_t non_positive_mixture = 0;  ///< D_i below its floor (Likelihood) at the minimum
};

/// t_mu = 2 (NLL(mu) - NLL(mu-hat)), other parameters profiled.
struct ScanPoint {
    double poi = 0.0;
    double t = 0.0;
    std::vector<double> parameters;  ///< theta at the profiled point
    bool converged = true;           ///< false: the other parameters did not settle
};

struct FitResult {
    std::string poi;
    bool converged = false;
    double nll = 0.0;
    double edm = 0.0;          ///< g^T H^-1 g / 2 at the minimum
    std::uint64_t passes = 0;  ///< over the events
    std::vector<FittedParameter> parameters;
    std::vector<std::vector<double>> covariance;   ///< [n][n], zero rows where fixed
    std::vector<std::vector<double>> correlation;  ///< [n][n], likewise
    std::vector<Minimum> minima;  ///< distinct ones, best first; equals in order of the starts
    GuardCounts guards;
    std::vector<std::string> warnings;
    std::vector<ScanPoint> scan;
};

}  // namespace ratiofarm
