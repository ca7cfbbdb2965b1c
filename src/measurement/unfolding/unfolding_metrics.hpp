#pragma once

#include <cstdint>
#include <span>
#include <vector>

/// How far two weighted spectra are from each other, and what their errors are.
namespace ratiofarm {

/// Weights by bins; the outer edges may be infinite.
struct WeightedBins {
    std::vector<double> contents;
    std::vector<double> squares;  ///< sums of squared weights
    double below = 0.0;           ///< weight below the first edge
    double above = 0.0;           ///< at or above the last one

    WeightedBins() = default;
    explicit WeightedBins(std::size_t bins) : contents(bins, 0.0), squares(bins, 0.0) {}
    void add(std::span<const double> edges, double value, double weight);
};

/// 1/2 sum (p - q)^2 / (p + q) of contents that are scaled to sum 1: 0 for equal, 1 for disjoint.
/// Pairs of empty bins do not count; NaN if one is empty altogether.
double triangular_discriminator(std::span<const double> a, std::span<const double> b);

/// Integral of |F - G| over two weighted spectra of the same values, without bins. \param order
/// places of the values in ascending order
double wasserstein_distance(std::span<const double> values,
                            std::span<const std::size_t> order,
                            std::span<const double> a,
                            std::span<const double> b);

/// [bins, bins] row-major.
using Covariance = std::vector<double>;

/// Sample covariance of replicas, 1 / (B - 1). \param replicas B >= 2 lists of the same bins
Covariance covariance_of(const std::vector<std::vector<double>>& replicas);

/// d^T V^-1 d with the pseudo-inverse of V.
struct Chi2 {
    double value = 0.0;
    std::uint32_t rank = 0;  ///< eigenvalues of V above 1e-10 of the largest
    double factor = 1.0;   ///< for the bias of an inverse of B replicas: (B - rank - 2) / (B - 1);
                           ///< value contains it
    double p_value = 0.0;  ///< of a chi2 with `rank` degrees of freedom
};

/// \param replicas B that V is mostly made of; 0: V is known otherwise. Where B <= rank + 2 there
/// is
///                 no such factor and no p-value: it is NaN
Chi2 chi2_of(std::span<const double> difference, const Covariance& v, std::uint32_t replicas);

}  // namespace ratiofarm
