#pragma once

#include <cstdint>

namespace ratiofarm {

/// What the learned ratios r_j are divided by before they enter the likelihood.
enum class ShapeNorm : std::uint8_t {
    none,       ///< nothing: r_j as the nets give it
    reference,  ///< E_ref[r_j] over the inference-split reference events, so that r_j integrates to one
};

}  // namespace ratiofarm
