#pragma once

#include <memory>

#include "net_pack.hpp"

namespace ratiofarm {

/// True for what make_cpu_pack() can do: fp32 or bf16 of an activation that has a kernel.
bool has_cpu_pack(const Network& network, const PackOptions& options);

/// The written-out step for a CPU: one net after the other, so that what a net works on stays in
/// the cache; matrix products by BLAS, all else in passes of StepKernel that touch their data
/// once. Same mathematics as make_written_pack(). No allocation in a step.
///
/// In bf16 the operands of the products are rounded to bf16: weights, the results of hidden
/// layers, and the gradient by what goes into an activation. Sums, the output layer, weights that
/// the optimizer moves, and their gradient are fp32.
std::unique_ptr<NetPack> make_cpu_pack(const Network& network, const PackOptions& options);

}  // namespace ratiofarm
