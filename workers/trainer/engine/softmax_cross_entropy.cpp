#include "softmax_cross_entropy.hpp"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>

#include "ratiofarm/core/contracts.hpp"

#include "nets_in_turn.hpp"

namespace ratiofarm {

struct SoftmaxCrossEntropy::Buffers {
    at::Tensor sums;      ///< [nets], double
    at::Tensor gradient;  ///< of the last call
};

SoftmaxCrossEntropy::SoftmaxCrossEntropy(std::int64_t nets, const c10::TensorOptions& options)
    : buffers_(std::make_unique<Buffers>()) {
    buffers_->sums = at::zeros({nets}, options.dtype(at::kDouble));
}

SoftmaxCrossEntropy::~SoftmaxCrossEntropy() = default;

void SoftmaxCrossEntropy::add(const at::Tensor& logits, const at::Tensor& weights) {
    RATIOFARM_EXPECT(logits.dim() == 3 && logits.sizes() == weights.sizes());
    RATIOFARM_EXPECT(logits.size(0) == buffers_->sums.size(0));
    for_nets_in_turn(logits, [&](const auto& part) {
        const at::Tensor terms = at::log_softmax(part(logits), 2).mul_(part(weights));
        part(buffers_->sums).sub_(terms.sum({1, 2}));
    });
}

const at::Tensor& SoftmaxCrossEntropy::gradient(const at::Tensor& logits,
                                                const at::Tensor& weights) {
    buffers_->gradient = at::empty_like(logits);
    for_nets_in_turn(logits, [&](const auto& part) {
        const at::Tensor total = part(weights).sum({2}, true);
        part(buffers_->gradient)
            .copy_(at::softmax(part(logits), 2)
                       .mul_(total)
                       .sub_(part(weights))
                       .mul_(1.0 / static_cast<double>(logits.size(1))));
    });
    return buffers_->gradient;
}

std::vector<double> SoftmaxCrossEntropy::sums() const {
    const at::Tensor host = buffers_->sums.to(at::kCPU);
    const auto* data = host.const_data_ptr<double>();
    return {data, data + host.numel()};
}

void SoftmaxCrossEntropy::set_sums(std::span<const double> sums) {
    RATIOFARM_EXPECT(std::ssize(sums) == buffers_->sums.numel());
    for (std::int64_t net = 0; net < std::ssize(sums); ++net) {
        buffers_->sums[net].fill_(sums[static_cast<std::size_t>(net)]);
    }
}

}  // namespace ratiofarm
