#pragma once

#include <cstdint>

#include "ratiofarm/core/enum_words.hpp"

namespace ratiofarm {

/// What the shapes p_j g_j(alpha) are divided by before they enter the likelihood. Interpolated
/// densities do not integrate to one between their anchors, and the likelihood takes that for
/// information.
enum class ShapeNorm : std::uint8_t {
    none,                 ///< nothing: as the nets give them
    reference,            ///< Z_j(alpha), a sum over the inference-split reference events
    reference_quadratic,  ///< ln Z_j(alpha) to second order around the start, summed once
};
template <>
inline constexpr auto enum_words<ShapeNorm> = words("none", "reference", "reference_quadratic");

}  // namespace ratiofarm
