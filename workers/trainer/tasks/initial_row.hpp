#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ratiofarm/protocol/network.hpp"

#include "protocol/trainer_protocol.hpp"

namespace ratiofarm {

/// The row of an untrained net. Weights of hidden layers are uniform with variance 2 / inputs
/// (1 / inputs before tanh; He et al., arXiv:1502.01852), those of the output layer and all biases
/// uniform in +-1/sqrt(inputs). Only integers and products are involved: the same bits on every
/// machine and device.
/// \param shift, scale  [network.inputs], copied into the row
std::vector<float> initial_row(const Network& network,
                               std::uint64_t seed,
                               std::span<const float> shift,
                               std::span<const float> scale);

/// The row of the net that a warm start names, feature scaling included.
/// \throws DataError naming the file: missing, damaged, of another task or network, a net that
///         failed or that it does not have
std::vector<float> warm_start_row(const Network& network, const WarmStart& from);

}  // namespace ratiofarm
