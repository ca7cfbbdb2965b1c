#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "ratiofarm/fit/likelihood.hpp"

namespace ratiofarm {

/// ln Z_j at a point by an expansion. With d = alpha - point, A_m the axes, g_mn(alpha_m) the
/// change of the gradient in n along axis m and h the Hessian at the point:
///     sum_m A_m(alpha_m) + sum_{m<n} [ g_mn(alpha_m) d_n + d_m g_nm(alpha_n) - h_mn d_m d_n ],
/// which has the right value and gradients wherever only one parameter is moved. Without axes the
/// second-order polynomial.
/// \param alpha [P]
LogNormalisation expanded(const NormalisationExpansion& expansion,
                          std::size_t process,
                          std::span<const double> alpha);

/// ln Z_j of all processes at a point. [P] -> [S]
using LogNormalisations = std::function<std::vector<LogNormalisation>(std::span<const double>)>;

/// The values of a shape parameter at which its axis is computed.
/// \param low, high of its range  \param kink at 0, from codes 0 and 1: smoothed over 0.02
std::vector<double> axis_knots(double point, double low, double high, bool kink);

/// Computes the axes of an expansion that has its point and log_z.
/// \param knots [P]
void add_axes(NormalisationExpansion& expansion,
              const std::vector<std::vector<double>>& knots,
              const LogNormalisations& exact);

}  // namespace ratiofarm
