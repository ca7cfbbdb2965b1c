#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ratiofarm/physics/statistical_model.hpp"

namespace ratiofarm {

/// Twice the negative ln of the Poisson likelihood ratio of expectations to the saturated model,
/// 2 sum_b nu_b - n_b + n_b ln(n_b / nu_b) (S. Baker, R. Cousins, NIM 221 (1984) 437). Expectations
/// below 1e-9 count as that.
/// \param observed [bins], >= 0; need not be whole  \param expected [bins]
double poisson_deviance(std::span<const double> observed, std::span<const double> expected);

/// The deviance of the constraints: ((theta - observed) / width)^2 of a gaussian one,
/// poisson_deviance() of a poisson one.
/// \param theta [parameters]  \param observed [parameters], global observables
double constraint_deviance(const StatisticalModel& model,
                           std::span<const double> theta,
                           std::span<const double> observed);

/// Probability that chi2 with ndf degrees of freedom is larger. \param chi2 >= 0 \param ndf > 0
double chi2_tail(double chi2, double ndf);

/// Inner edges of bins that hold about equal parts of a weighted list, none less than half of such
/// a part; equal values share a bin, and what they hold too much the others lack equally.
/// \param values finite  \param weights [values]; negative ones count as 0, their sum is > 0
/// \return ascending, at most n_bins - 1
std::vector<double> weighted_quantiles(std::span<const double> values,
                                       std::span<const double> weights,
                                       std::size_t n_bins);

/// Bin of a value: how many inner edges are not above it.
std::uint32_t bin_of(std::span<const double> inner_edges, double value);

}  // namespace ratiofarm
