#pragma once

#include <cstdint>
#include <vector>

#include "ratiofarm/protocol/network.hpp"
#include "ratiofarm/protocol/training_options.hpp"

namespace at {
class Tensor;
}

namespace ratiofarm::trainer {

/// A step of the momenta in lorentz: small, as in LorentzNet, so that products keep their size.
inline constexpr double step_of_momenta = 0.005;

/// Slots of particles that a pass computes.
enum class Slots : std::uint8_t {
    all,   ///< max_particles, so that the bits of an event do not depend on those beside it
    used,  ///< what the largest event needs, rounded up to 4
};

/// Which units a pass leaves out, see dropout_mask().
struct Dropout {
    double share = 0.0;
    std::vector<std::uint64_t> keys = {};  ///< [nets]; none: nothing is left out
};

/// A kind of network with tensors, which autograd can follow.
/// \param flat    [nets, trainable_size]
/// \param events  [nets, n, event_size()], scaled
/// \return logits [nets, n, outputs]
at::Tensor tensor_logits(const Network& network,
                         Precision precision,
                         const at::Tensor& flat,
                         const at::Tensor& events,
                         Slots slots,
                         const Dropout& dropout = {});

}  // namespace ratiofarm::trainer
