#pragma once

#include <span>
#include <vector>

#include "ratiofarm/fit/likelihood.hpp"

namespace ratiofarm {

/// The row of the covariance that belongs to one parameter, from a Hessian: how its estimate
/// answers to a change of the gradient, with the other free parameters profiled, is
/// -row . change. \param free components that can move  \param parameter its position
/// \return [n], d parameter / du times row `parameter` of the inverse over `free`; all 0 if the
/// parameter is not free
std::vector<double> estimate_row(const Likelihood& likelihood,
                                 std::span<const double> u,
                                 const Evaluation& at,
                                 std::span<const std::size_t> free,
                                 std::size_t parameter);

}  // namespace ratiofarm
