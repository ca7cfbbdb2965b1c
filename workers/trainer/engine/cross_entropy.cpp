#include "cross_entropy.hpp"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>

#include "ratiofarm/core/contracts.hpp"

#include "step_kernel.hpp"

namespace ratiofarm::trainer {

struct CrossEntropy::Buffers {
    at::Tensor memory;      ///< [nets * capacity]
    at::Tensor view;        ///< [nets, n], of the last batch
    at::Tensor batch_sums;  ///< [nets]
    at::Tensor sums;        ///< [nets], double

    at::Tensor& cut(const at::Tensor& logits) {
        RATIOFARM_EXPECT(logits.dim() == 2 && logits.size(0) == sums.size(0) &&
                         logits.numel() <= memory.size(0));
        if (!view.defined() || view.size(1) != logits.size(1)) {
            view = memory.narrow(0, 0, logits.numel()).view(logits.sizes());
        }
        return view;
    }
};

namespace {

bool by_kernel(const at::Tensor& logits) {
    return logits.is_cpu() && logits.scalar_type() == at::kFloat;
}

EntropyEvents events_of_net(const at::Tensor& logits,
                            const at::Tensor& positive,
                            const at::Tensor& total,
                            std::int64_t net) {
    RATIOFARM_EXPECT(logits.is_contiguous() && positive.stride(1) == total.stride(1));
    return {.count = static_cast<std::size_t>(logits.size(1)),
            .logits = logits.const_data_ptr<float>() + net * logits.stride(0),
            .positive = positive.const_data_ptr<float>() + net * positive.stride(0),
            .total = total.const_data_ptr<float>() + net * total.stride(0),
            .stride = static_cast<std::size_t>(total.stride(1))};
}

}  // namespace

CrossEntropy::CrossEntropy(std::int64_t nets,
                           std::int64_t capacity,
                           const c10::TensorOptions& options)
    : buffers_(std::make_unique<Buffers>()) {
    buffers_->memory = at::zeros({nets * capacity}, options);
    buffers_->batch_sums = at::zeros({nets}, options);
    buffers_->sums = at::zeros({nets}, options.dtype(at::kDouble));
}

CrossEntropy::~CrossEntropy() = default;

void CrossEntropy::add(const at::Tensor& logits,
                       const at::Tensor& positive,
                       const at::Tensor& total) {
    const at::Tensor& of_pack = buffers_->cut(logits);
    if (by_kernel(logits)) {
        auto* sums = buffers_->sums.mutable_data_ptr<double>();
        for (std::int64_t net = 0; net < logits.size(0); ++net) {
            sums[net] += step_kernel().entropy(events_of_net(logits, positive, total, net));
        }
        return;
    }
    for_nets_in_turn(logits, [&](const auto& part) {
        at::Tensor terms = part(of_pack);
        at::softplus_out(terms, part(logits));
        terms.mul_(part(total)).addcmul_(part(positive), part(logits), -1);
        at::Tensor sums = part(buffers_->batch_sums);
        at::sum_out(sums, terms, {1});
    });
    buffers_->sums.add_(buffers_->batch_sums);
}

const at::Tensor& CrossEntropy::gradient(const at::Tensor& logits,
                                         const at::Tensor& positive,
                                         const at::Tensor& total) {
    const at::Tensor& of_pack = buffers_->cut(logits);
    if (by_kernel(logits)) {
        auto* gradient = of_pack.mutable_data_ptr<float>();
        const auto factor = static_cast<float>(1.0 / static_cast<double>(logits.size(1)));
        for (std::int64_t net = 0; net < logits.size(0); ++net) {
            step_kernel().entropy_gradient(events_of_net(logits, positive, total, net), factor,
                                           gradient + net * logits.size(1));
        }
        return of_pack;
    }
    for_nets_in_turn(logits, [&](const auto& part) {
        at::Tensor gradients = part(of_pack);
        at::sigmoid_out(gradients, part(logits));
        gradients.mul_(part(total))
            .sub_(part(positive))
            .mul_(1.0 / static_cast<double>(logits.size(1)));
    });
    return of_pack;
}

std::vector<double> CrossEntropy::sums() const {
    const at::Tensor host = buffers_->sums.to(at::kCPU);
    const auto* data = host.const_data_ptr<double>();
    return {data, data + host.numel()};
}

void CrossEntropy::set_sums(std::span<const double> sums) {
    RATIOFARM_EXPECT(std::ssize(sums) == buffers_->sums.numel());
    for (std::int64_t net = 0; net < std::ssize(sums); ++net) {
        buffers_->sums[net].fill_(sums[static_cast<std::size_t>(net)]);
    }
}

void for_nets_in_turn(const at::Tensor& of_pack,
                      const std::function<void(const NetsTogether& part)>& work) {
    const std::int64_t nets = of_pack.size(0);
    if (nets == 1 || !of_pack.is_cpu()) {
        work([](const at::Tensor& all) { return all; });
        return;
    }
    for (std::int64_t net = 0; net < nets; ++net) {
        work([net](const at::Tensor& all) { return all.narrow(0, net, 1); });
    }
}

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

}  // namespace ratiofarm::trainer
