#include <algorithm>
#include <string>

#include <ATen/core/Tensor.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/AutogradState.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>

#include "ratiofarm/core/contracts.hpp"

#include "protocol/network_kinds.hpp"

#include "net_pack_engines.hpp"

namespace ratiofarm::trainer {
namespace {

/// Computes with tensors [nets, n, width].
class TensorGraph {
public:
    using Value = at::Tensor;

    /// \param flat  [nets, trainable_size]
    TensorGraph(const Network& network, Precision precision, const at::Tensor& flat)
        : layout_(parameter_layout(network)),
          activation_(network.activation),
          precision_(precision),
          flat_(flat) {}

    Value linear(const std::string& name, const Value& x, std::uint32_t outputs) {
        const at::Tensor weight = block(name + ".weight").view({-1, outputs, x.size(2)});
        return product(x, weight.transpose(1, 2)).add(block(name + ".bias").unsqueeze(1));
    }

    Value activate(const Value& x) const {
        switch (activation_) {
            case Activation::relu: return at::relu(x);
            case Activation::silu: return at::silu(x);
            case Activation::tanh: return at::tanh(x);
            case Activation::gelu: return at::gelu(x);
        }
        return x;
    }

    static Value add(const Value& x, const Value& y) { return x.add(y); }

private:
    at::Tensor block(const std::string& name) const {
        const auto found = std::ranges::find(layout_, name, &ParameterBlock::name);
        RATIOFARM_EXPECT(found != layout_.end());
        // The row begins with the two blocks of the scaling, which are not trained.
        return flat_.narrow(1, static_cast<std::int64_t>(found->offset - layout_[2].offset),
                            static_cast<std::int64_t>(found->size()));
    }

    Value product(const Value& x, const Value& weight) const {
        if (precision_ != Precision::bf16) return at::matmul(x, weight);
        return at::matmul(x.to(at::kBFloat16), weight.to(at::kBFloat16)).to(x.scalar_type());
    }

    std::vector<ParameterBlock> layout_;
    Activation activation_;
    Precision precision_;
    at::Tensor flat_;
};

/// Ordinary tensors and a recorded graph, also where the caller works in inference mode.
class Recording {
    c10::InferenceMode ordinary_{false};
    c10::AutoGradMode record_{true};
};

class AutogradPack : public NetPack {
public:
    AutogradPack(const Network& network,
                 const PackOptions& options,
                 const c10::TensorOptions& device)
        : network_(network), options_(options) {
        const c10::InferenceMode ordinary(false);
        const auto size = static_cast<std::int64_t>(trainable_size(network));
        parameters_ = at::zeros({options.nets, size}, device);
        if (options.use == PackUse::train) gradient_ = at::zeros_like(parameters_);
    }

    const at::Tensor& parameters() const override { return parameters_; }
    void parameters_changed() override {}
    const at::Tensor& gradient() const override { return gradient_; }
    void set_running(const std::vector<bool>&) override {}

    const at::Tensor& forward(const at::Tensor& inputs) override {
        const Recording recording;
        leaf_ = parameters_.clone().requires_grad_(options_.use == PackUse::train);
        TensorGraph graph(network_, options_.precision, leaf_);
        recorded_ = logit(graph, network_, inputs.clone());
        if (network_.outputs == 1) recorded_ = recorded_.squeeze(2);
        logits_ = recorded_.detach();
        return logits_;
    }

    void backward(const at::Tensor& inputs, const at::Tensor& logit_gradient) override {
        RATIOFARM_EXPECT(options_.use == PackUse::train && recorded_.defined() &&
                         inputs.size(1) == recorded_.size(1));
        const Recording recording;
        recorded_.backward(logit_gradient.clone());
        const c10::AutoGradMode quiet(false);
        gradient_.copy_(leaf_.grad());
        recorded_.reset();
    }

private:
    Network network_;
    PackOptions options_;
    at::Tensor parameters_;
    at::Tensor gradient_;
    at::Tensor leaf_;      ///< parameters of the last pass
    at::Tensor recorded_;  ///< its logits with their graph
    at::Tensor logits_;
};

}  // namespace

std::unique_ptr<NetPack> make_autograd_pack(const Network& network,
                                            const PackOptions& options,
                                            const c10::TensorOptions& device) {
    return std::make_unique<AutogradPack>(network, options, device);
}

}  // namespace ratiofarm::trainer
