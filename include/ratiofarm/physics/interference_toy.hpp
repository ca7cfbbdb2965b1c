#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ratiofarm {

/// One Gaussian of the toy: yield * N(x; mean, covariance).
struct GaussianProcess {
    double yield = 0.0;                           ///< expected events, > 0
    std::vector<double> mean;                     ///< [d]
    std::vector<std::vector<double>> covariance;  ///< [d][d], symmetric positive definite
    bool operator==(const GaussianProcess&) const = default;
};

/// Signal, background and their signed interference, everything in closed form:
/// lambda(x|mu) = mu S + sqrt(mu) I + B with I = 2 c sqrt(S B).
struct InterferenceToy {
    GaussianProcess signal;
    GaussianProcess background;
    double interference = -0.6;  ///< c, |c| <= 1; negative is destructive
    bool operator==(const InterferenceToy&) const = default;
};

}  // namespace ratiofarm
