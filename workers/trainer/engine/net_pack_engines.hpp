#pragma once

#include <memory>

#include "net_pack.hpp"

namespace ratiofarm::trainer {

/// Any kind of network by its function of protocol/network_kinds, differentiated by LibTorch's
/// autograd: slow and clear. Oracle of the written engines.
std::unique_ptr<NetPack> make_autograd_pack(const Network& network,
                                            const PackOptions& options,
                                            const c10::TensorOptions& device);

/// True for what make_cpu_pack() can do: fp32 or bf16 of an activation that has a kernel.
bool has_cpu_pack(const Network& network, const PackOptions& options);

/// The written-out step for a CPU: one net after the other, so that what a net works on stays in
/// the cache; matrix products by cpu_product.hpp, all else in passes of StepKernel that touch their
/// data once. Same mathematics as make_written_pack(). No allocation in a step.
///
/// In bf16 the operands of the products are rounded to bf16: weights, the results of hidden
/// layers, and the gradient by what goes into an activation. Sums, the output layer, weights that
/// the optimizer moves, and their gradient are fp32.
std::unique_ptr<NetPack> make_cpu_pack(const Network& network, const PackOptions& options);

/// True for what make_particle_pack() can do: fp32 of some kinds that read particles.
bool has_particle_pack(const Network& network, const PackOptions& options);

/// The written-out step of one net of particle lists for a CPU, in fp32: a RowProgram of the kind,
/// which computes real particles and pairs only and works on a few events at a time.
std::unique_ptr<NetPack> make_particle_pack(const Network& network,
                                            const PackOptions& options,
                                            const c10::TensorOptions& device);

/// An engine that makes one net or a pack.
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

/// Forward and backward pass written out over buffers made once: no autograd and no allocation of
/// data in a step. Products of all nets of a pack are one batched product. The same operations on
/// every device.
std::unique_ptr<NetPack> make_written_pack(const Network& network,
                                           const PackOptions& options,
                                           const c10::TensorOptions& device);

}  // namespace ratiofarm::trainer
