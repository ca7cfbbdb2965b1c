#pragma once

#include "net_pack.hpp"

namespace ratiofarm {

/// An engine: make_written_pack() or make_autograd_pack().
using MakePack = std::unique_ptr<NetPack>(const Network& network,
                                          const PackOptions& options,
                                          const c10::TensorOptions& device);

/// A pack whose nets are packs of one, computed one after the other: on a CPU a batched product may
/// round otherwise than a plain one, and so it does where a net's matrices lie at other places
/// within a line of 64 bytes. Here every net computes in memory of its own, as if it were alone.
std::unique_ptr<NetPack> make_pack_in_turn(const Network& network,
                                           const PackOptions& options,
                                           const c10::TensorOptions& device,
                                           MakePack& engine);

}  // namespace ratiofarm
