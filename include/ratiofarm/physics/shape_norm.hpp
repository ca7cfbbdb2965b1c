#pragma once

#include <cstdint>

namespace ratiofarm {

/// What the learned ratios r_j are divided by before they enter the likelihood.
enum class ShapeNorm : std::uint8_t {
    none,       ///< nothing: r_j as the nets give it
    reference,  ///< E_ref[r_j] on the inference-split reference: r_j then integrates to one
};

}  // namespace ratiofarm
