#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace at {
class Tensor;
}

namespace ratiofarm::trainer {

/// The key of a net's masks in one step: a pure function, so that a continued training needs no
/// state of them.
std::uint64_t dropout_key(std::uint64_t shuffle_seed, std::uint64_t step);

/// What the units of a hidden layer are multiplied by in a training step: 0 for those that are left
/// out, 1 / (1 - share) for the others. Unit u of event e, counted in the batch, is decided by word
/// u % 4 of philox(key of the net, layer, e * ceil(width / 4) + u / 4) alone.
/// \param keys  [nets]
/// \param like  [nets, events, width], of whose shape, type and device the mask is
at::Tensor dropout_mask(double share,
                        std::span<const std::uint64_t> keys,
                        std::size_t layer,
                        const at::Tensor& like);

}  // namespace ratiofarm::trainer
