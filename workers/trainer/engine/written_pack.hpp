#pragma once

#include <memory>

#include "net_pack.hpp"

namespace ratiofarm {

/// Forward and backward pass written out over buffers made once: no autograd and no allocation of
/// data in a step. Products of all nets of a pack are one batched product. The same operations on
/// every device.
std::unique_ptr<NetPack> make_written_pack(const Network& network,
                                           const PackOptions& options,
                                           const c10::TensorOptions& device);

}  // namespace ratiofarm
