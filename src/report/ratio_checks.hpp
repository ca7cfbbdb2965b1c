#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "binning.hpp"
#include "inference_events.hpp"

namespace ratiofarm {

/// E_ref[r_j] - 1: zero for an exact ratio.
struct NormalisationCheck {
    double deviation = 0.0;  ///< E_ref[r_j] - 1
    double error = 0.0;      ///< its statistical error
    double gate = 0.0;       ///< what |deviation| must not exceed: the larger of 1 % and 3 errors
    bool passes() const;
};

NormalisationCheck make_normalisation_check(double deviation, double error);

NormalisationCheck check_normalisation(std::span<const SampleEvents> samples);

/// Where log r_j lies in the reference and in sample j. Contents are fractions of all events, also
/// of those with r = 0, which are not shown.
struct RatioDistribution {
    Binning binning;
    std::vector<double> reference, reference_error;
    std::vector<double> target, target_error;
};

/// \param binning of log r_j
RatioDistribution ratio_distribution(std::span<const SampleEvents> samples,
                                     std::size_t target,
                                     const Binning& binning);

/// Equal-width bins between the outer quantiles of log r_j in the reference and in sample j.
/// \param outside fraction of the events beyond each end
Binning ratio_binning(std::span<const SampleEvents> samples,
                      std::size_t target,
                      std::size_t bins,
                      double outside);

/// sum_k pi_k r_k(x) over the components of the reference, which is 1 for exact ratios.
struct IdentityCheck {
    double mean = 0.0;  ///< over the reference
    double rms = 0.0;   ///< root mean square of the sum - 1
    double smallest = 0.0;
    double largest = 0.0;
    std::uint64_t events = 0;
};

/// \param sums [n], the sum of each event   \param weights [n], of the reference
IdentityCheck check_identity(std::span<const double> sums, std::span<const double> weights);

/// Learned log ratios compared with exact ones.
struct RatioAccuracy {
    double mean = 0.0;       ///< of learned - exact
    double rms = 0.0;        ///< root mean square of learned - exact
    double slope = 0.0;      ///< of exact regressed on learned: 1 if calibrated
    double intercept = 0.0;  ///< 0 if calibrated
    std::uint64_t events = 0;
    std::uint64_t not_finite = 0;  ///< events left out because a value is not finite
};

/// \param learned, exact [n], log p_j/p_ref   \param weights [n]
RatioAccuracy check_accuracy(std::span<const float> learned,
                             std::span<const double> exact,
                             std::span<const double> weights);

}  // namespace ratiofarm
