#pragma once

#include "ratiofarm/fit/fit_result.hpp"
#include "ratiofarm/physics/internal_coordinates.hpp"

#include "newton.hpp"

namespace ratiofarm {

/// Fills covariance, correlation, condition number, flat directions and the parameters' errors of a
/// result from the Hessian at its minimum. The free components are inverted in u and carried to p
/// by dp/du; the second derivatives of p(u) do not enter, since the gradient of free components
/// vanishes there. Parameters get no error where the Hessian tells none (NoError); the errors of
/// the others allow for them within their ranges.
void fill_covariance(const NewtonResult& minimum,
                     const SearchSpace& space,
                     const InternalCoordinates& coordinates,
                     FitResult& result);

}  // namespace ratiofarm
