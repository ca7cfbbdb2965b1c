#pragma once

#include "ratiofarm/protocol/network.hpp"

namespace at {
class Tensor;
}

/// The operations of the written-out step on tensors [nets, rows, columns] of any device. They
/// write to existing tensors.
namespace ratiofarm::trainer {

/// out[k] = a[k] b[k]
void multiply(at::Tensor& out, const at::Tensor& a, const at::Tensor& b);

/// out[k] = summand[k] + a[k] b[k]; the summand may be a row, or `out` itself
void multiply_add(at::Tensor& out,
                  const at::Tensor& summand,
                  const at::Tensor& a,
                  const at::Tensor& b);

/// out[k] = a[k] b[k], operands in bf16, sums and result in fp32. The CPU's product of tensors
/// rounds its result to bf16; on a CPU this is there to be tested.
void multiply_rounded(at::Tensor& out, const at::Tensor& a, const at::Tensor& b);

void activate(Activation activation, at::Tensor& after, const at::Tensor& before);

/// Overwrites `before` with the gradient by it.
/// \param flow  gradient by `after`
void activate_backward(Activation activation,
                       at::Tensor& before,
                       const at::Tensor& after,
                       const at::Tensor& flow);

}  // namespace ratiofarm::trainer
