#pragma once

#include <cstdint>
#include <span>

/// IEEE half precision, as numpy's float16 stores it.
namespace ratiofarm {

/// To the nearest half, ties to even; beyond +-65504 infinite.
std::uint16_t half_of(float value);

/// Exact. \param to as many as `from`
void widen_halves(std::span<const std::uint16_t> from, std::span<float> to);

}  // namespace ratiofarm
