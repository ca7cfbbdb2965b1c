#include "tensor_passes.hpp"

#include <ATen/core/Tensor.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/clamp_min.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/gelu_backward.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/silu_backward.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/tanh_backward.h>
#include <ATen/ops/threshold_backward.h>

namespace ratiofarm::trainer {

// A pack of one net takes the plain product: it is faster than a batched one of one matrix.

void multiply(at::Tensor& out, const at::Tensor& a, const at::Tensor& b) {
    if (out.size(0) > 1) {
        at::bmm_out(out, a, b);
        return;
    }
    at::Tensor only = out[0];
    at::mm_out(only, a[0], b[0]);
}

void multiply_add(at::Tensor& out,
                  const at::Tensor& summand,
                  const at::Tensor& a,
                  const at::Tensor& b) {
    if (out.size(0) > 1) {
        at::baddbmm_out(out, summand, a, b);
        return;
    }
    at::Tensor only = out[0];
    at::addmm_out(only, summand[0], a[0], b[0]);
}

void multiply_rounded(at::Tensor& out, const at::Tensor& a, const at::Tensor& b) {
    if (out.is_cuda()) {
        at::bmm_out(out, a, b, at::kFloat);
    } else {
        out.copy_(at::bmm(a, b));
    }
}

void activate(Activation activation, at::Tensor& after, const at::Tensor& before) {
    switch (activation) {
        case Activation::relu: at::clamp_min_out(after, before, 0); return;
        case Activation::silu: at::silu_out(after, before); return;
        case Activation::tanh: at::tanh_out(after, before); return;
        case Activation::gelu: at::gelu_out(after, before); return;
    }
}

void activate_backward(Activation activation,
                       at::Tensor& before,
                       const at::Tensor& after,
                       const at::Tensor& flow) {
    switch (activation) {
        case Activation::relu: at::threshold_backward_out(before, flow, before, 0); return;
        case Activation::silu: at::silu_backward_out(before, flow, before); return;
        case Activation::tanh: at::tanh_backward_out(before, flow, after); return;
        case Activation::gelu: at::gelu_backward_out(before, flow, before); return;
    }
}

}  // namespace ratiofarm::trainer
