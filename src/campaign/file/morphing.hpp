#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ratiofarm/physics/coefficient.hpp"

namespace ratiofarm {

/// A process that is known at one point in the parameters of interest.
struct MorphingAnchor {
    std::string process;
    std::vector<std::pair<std::string, double>> point;  ///< values; what is not named is 0
};

/// Coefficients f_a of processes simulated at anchor points, so that any
/// lambda(x|theta) = sum_k c_k(x) t_k(theta) is sum_a f_a(theta) lambda(x|theta_a):
/// f = V^-1 t with V_ka = t_k(theta_a), the Vandermonde matrix of the anchors.
/// \param terms t_k, as many as anchors
/// \return one per anchor, in their order
/// \throws ConfigError if the anchors do not tell the terms apart
std::vector<Coefficient> morphing_coefficients(std::span<const Coefficient> terms,
                                               std::span<const MorphingAnchor> anchors);

/// Terms of a squared amplitude: all products of two of its couplings, like ones merged.
std::vector<Coefficient> terms_of_amplitude(std::span<const Coefficient> couplings);

/// Value of a coefficient at a point; parameters that are not named are 0.
double value_at(const Coefficient& coefficient,
                std::span<const std::pair<std::string, double>> point);

}  // namespace ratiofarm
