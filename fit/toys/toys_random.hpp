#pragma once

#include <cstdint>

#include "core/philox.hpp"

namespace ratiofarm {

/// ln k!
double log_factorial(double k);

/// A Poisson count from a sequence of uniform draws: by inversion for small means, by transformed
/// rejection (PTRS of W. Hoermann, Insurance: Mathematics and Economics 12, 1993) from 10 on. How
/// many draws it takes depends on what is drawn: give each purpose a sequence of its own.
/// \param mean finite, from 0 to 1e12
std::uint64_t poisson(PhiloxSequence& random, double mean);

}  // namespace ratiofarm
