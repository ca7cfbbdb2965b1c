#pragma once

#include "ratiofarm/fit/scan.hpp"
#include "ratiofarm/physics/internal_coordinates.hpp"

#include "profile.hpp"

namespace ratiofarm {

/// Where t crosses a level on both sides of the best point of a profile in one parameter.
/// \param error of the parameter at the minimum, for the first step; 0 if unknown
/// \return in external coordinates
Interval interval_of(Profile& profile,
                     const InternalCoordinates& coordinates,
                     double error,
                     double level);

}  // namespace ratiofarm
