#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace ratiofarm {

/// The inference-split events of one sample k, as the diagnostics of one process j see them.
///
/// The samples are independent of each other, and the reference is made of them:
/// p_ref = sum_k pi_k p_k. The events of sample j are therefore on both sides of every
/// comparison of p_j with p_ref r_j. The diagnostics add up the *difference* of both sides event by
/// event and take its scatter over the events of each sample, which is right with and without
/// such an overlap.
struct SampleEvents {
    double fraction = 0.0;             ///< pi_k; 0 if the sample is no part of the reference
    std::span<const double> weight;    ///< [n], signed; only proportions matter, the sum is > 0
    std::span<const float> log_ratio;  ///< [n], log p_j/p_ref
    std::span<const float> feature;    ///< [n], the binned quantity; may be empty where none is
};

/// Whether the mean of r_j over the reference is taken as it comes or divided out first.
enum class RatioScale {
    as_given,
    normalised,  ///< r_j / E_ref[r_j]; the scatter of that mean is part of the errors
};

/// Fewer effective entries of the target than this make the estimated error of a bin unreliable.
inline constexpr double enough_entries = 50.0;

/// Sum of the weights of a sample.
/// \throws DataError if it is not positive
double total_weight(std::span<const double> weights);

/// E_ref[r_j] = sum_k pi_k sum_i u_ki r_j(x_ki), u = weight / total weight of the sample.
double reference_mean(std::span<const SampleEvents> samples);

}  // namespace ratiofarm
