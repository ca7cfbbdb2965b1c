#include "mlp.hpp"

#include <algorithm>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/addmv.h>
#include <ATen/ops/clamp_min.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/gelu_backward.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/silu_backward.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/tanh_backward.h>
#include <ATen/ops/threshold_backward.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {
namespace {

/// Weight [outputs, inputs] and bias [outputs] of one layer, views of a flat buffer.
struct Layer {
    at::Tensor weight;
    at::Tensor bias;
    at::Tensor weight_transposed;
};

std::vector<Layer> layer_views(const Network& network, const at::Tensor& flat) {
    std::vector<Layer> layers;
    const auto layout = parameter_layout(network);
    const std::uint64_t first = layout[2].offset;
    const auto view = [&](const ParameterBlock& block) {
        return flat.narrow(0, static_cast<std::int64_t>(block.offset - first),
                           static_cast<std::int64_t>(block.size()));
    };
    for (std::size_t block = 2; block < layout.size(); block += 2) {
        const auto& shape = layout[block].shape;
        const at::Tensor weight =
            view(layout[block])
                .view({static_cast<std::int64_t>(shape[0]), static_cast<std::int64_t>(shape[1])});
        layers.push_back({weight, view(layout[block + 1]), weight.t()});
    }
    return layers;
}

/// Buffers cut to the number of events of a pass; shapes are [n, width] and contiguous.
struct PassViews {
    std::int64_t events = 0;
    std::vector<at::Tensor> before;  ///< hidden layers, before the activation
    std::vector<at::Tensor> after;   ///< and after it; the same memory when evaluating
    std::vector<at::Tensor> flow;    ///< gradient by `after`, one memory for all layers
    at::Tensor logits;               ///< [n]
};

void activate(Activation activation, at::Tensor& after, const at::Tensor& before) {
    switch (activation) {
        case Activation::relu: at::clamp_min_out(after, before, 0); return;
        case Activation::silu: at::silu_out(after, before); return;
        case Activation::tanh: at::tanh_out(after, before); return;
        case Activation::gelu: at::gelu_out(after, before); return;
    }
}

/// Overwrites `before` with the gradient by it.
void activate_backward(Activation activation,
                       at::Tensor& before,
                       const at::Tensor& after,
                       const at::Tensor& flow) {
    switch (activation) {
        case Activation::relu: at::threshold_backward_out(before, flow, after, 0); return;
        case Activation::silu: at::silu_backward_out(before, flow, before); return;
        case Activation::tanh: at::tanh_backward_out(before, flow, after); return;
        case Activation::gelu: at::gelu_backward_out(before, flow, before); return;
    }
}

}  // namespace

struct Mlp::Buffers {
    Network network;
    std::int64_t capacity = 0;
    MlpUse use = MlpUse::evaluate;
    at::Tensor parameters;
    at::Tensor gradient;
    std::vector<Layer> layers;
    std::vector<Layer> layer_gradients;
    std::vector<at::Tensor> before;  ///< flat memory, [capacity * width]
    std::vector<at::Tensor> after;
    at::Tensor flow;
    at::Tensor logits;
    std::vector<PassViews> views;  ///< one per number of events seen: full batch, last batch

    void allocate(const c10::TensorOptions& options);
    PassViews& views_of(std::int64_t events);
};

void Mlp::Buffers::allocate(const c10::TensorOptions& options) {
    const auto count = static_cast<std::int64_t>(trainable_size(network));
    parameters = at::zeros({count}, options);
    layers = layer_views(network, parameters);
    logits = at::zeros({capacity}, options);
    const auto widest = std::ranges::max(network.hidden);
    const std::size_t memories = use == MlpUse::train ? network.hidden.size() : 2;
    for (std::size_t memory = 0; memory < memories; ++memory) {
        const auto width = use == MlpUse::train ? network.hidden[memory] : widest;
        before.push_back(at::zeros({capacity * std::int64_t{width}}, options));
        if (use == MlpUse::train) after.push_back(at::zeros_like(before.back()));
    }
    if (use == MlpUse::evaluate) return;
    gradient = at::zeros_like(parameters);
    layer_gradients = layer_views(network, gradient);
    flow = at::zeros({capacity * std::int64_t{widest}}, options);
}

PassViews& Mlp::Buffers::views_of(std::int64_t events) {
    const auto known = std::ranges::find(views, events, &PassViews::events);
    if (known != views.end()) return *known;

    PassViews made{.events = events, .before = {}, .after = {}, .flow = {}, .logits = {}};
    const auto cut = [&](const at::Tensor& memory, std::int64_t width) {
        return memory.narrow(0, 0, events * width).view({events, width});
    };
    for (std::size_t layer = 0; layer < network.hidden.size(); ++layer) {
        const std::int64_t width = network.hidden[layer];
        made.before.push_back(cut(before[layer % before.size()], width));
        if (use == MlpUse::evaluate) {
            made.after.push_back(made.before.back());
            continue;
        }
        made.after.push_back(cut(after[layer], width));
        made.flow.push_back(cut(flow, width));
    }
    made.logits = logits.narrow(0, 0, events);
    views.push_back(std::move(made));
    return views.back();
}

Mlp::Mlp(const Network& network,
         std::int64_t capacity,
         MlpUse use,
         const c10::TensorOptions& options)
    : buffers_(std::make_unique<Buffers>()) {
    RATIOFARM_EXPECT(capacity > 0 && network.inputs > 0 && !network.hidden.empty());
    buffers_->network = network;
    buffers_->capacity = capacity;
    buffers_->use = use;
    buffers_->allocate(options);
}

Mlp::~Mlp() = default;

const at::Tensor& Mlp::parameters() const { return buffers_->parameters; }

const at::Tensor& Mlp::gradient() const { return buffers_->gradient; }

const at::Tensor& Mlp::forward(const at::Tensor& inputs) {
    RATIOFARM_EXPECT(inputs.size(0) > 0 && inputs.size(0) <= buffers_->capacity);
    PassViews& views = buffers_->views_of(inputs.size(0));
    const auto& layers = buffers_->layers;
    const at::Tensor* below = &inputs;
    for (std::size_t layer = 0; layer + 1 < layers.size(); ++layer) {
        at::addmm_out(views.before[layer], layers[layer].bias, *below,
                      layers[layer].weight_transposed);
        activate(buffers_->network.activation, views.after[layer], views.before[layer]);
        below = &views.after[layer];
    }
    at::addmv_out(views.logits, layers.back().bias, *below, layers.back().weight[0]);
    return views.logits;
}

void Mlp::backward(const at::Tensor& inputs, const at::Tensor& logit_gradient) {
    RATIOFARM_EXPECT(buffers_->use == MlpUse::train && logit_gradient.size(0) == inputs.size(0));
    PassViews& views = buffers_->views_of(inputs.size(0));
    const auto& layers = buffers_->layers;
    auto& gradients = buffers_->layer_gradients;

    const std::size_t last = layers.size() - 1;
    const at::Tensor column = logit_gradient.unsqueeze(1);
    at::mm_out(gradients[last].weight, column.t(), views.after[last - 1]);
    at::sum_out(gradients[last].bias, logit_gradient, {0}, true);
    at::mul_out(views.flow[last - 1], column, layers[last].weight);
    for (std::size_t layer = last; layer-- > 0;) {
        at::Tensor& delta = views.before[layer];
        activate_backward(buffers_->network.activation, delta, views.after[layer],
                          views.flow[layer]);
        const at::Tensor& below = layer > 0 ? views.after[layer - 1] : inputs;
        at::mm_out(gradients[layer].weight, delta.t(), below);
        at::sum_out(gradients[layer].bias, delta, {0});
        if (layer > 0) at::mm_out(views.flow[layer - 1], delta, layers[layer].weight);
    }
}

}  // namespace ratiofarm
