#pragma once

#include <memory>

#include "net_pack.hpp"

namespace ratiofarm {

/// Any kind of network by its function of core/network_kinds, differentiated by LibTorch's
/// autograd: slow and clear. Oracle of the written engines.
std::unique_ptr<NetPack> make_autograd_pack(const Network& network,
                                            const PackOptions& options,
                                            const c10::TensorOptions& device);

}  // namespace ratiofarm
