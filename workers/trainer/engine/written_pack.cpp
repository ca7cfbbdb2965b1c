#include <algorithm>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/add.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "ratiofarm/core/contracts.hpp"

#include "protocol/network_kinds.hpp"

#include "net_pack_engines.hpp"
#include "tensor_passes.hpp"

namespace ratiofarm::trainer {
namespace {

/// Weight [nets, outputs, inputs] and bias [nets, 1, outputs] of one layer, views of a flat buffer.
struct Layer {
    at::Tensor weight;
    at::Tensor bias;
    at::Tensor weight_transposed;
};

/// \param flat  [nets, trainable_size]
std::vector<Layer> layer_views(const Network& network, const at::Tensor& flat) {
    std::vector<Layer> layers;
    const auto layout = parameter_layout(network);
    const std::uint64_t first = layout[2].offset;
    const std::int64_t nets = flat.size(0);
    const auto view = [&](const ParameterBlock& block, std::int64_t rows, std::int64_t columns) {
        return flat.as_strided({nets, rows, columns}, {flat.size(1), columns, 1},
                               static_cast<std::int64_t>(block.offset - first));
    };
    for (std::size_t block = 2; block < layout.size(); block += 2) {
        const auto outputs = static_cast<std::int64_t>(layout[block].shape[0]);
        const auto inputs = static_cast<std::int64_t>(layout[block].shape[1]);
        const at::Tensor weight = view(layout[block], outputs, inputs);
        layers.push_back({weight, view(layout[block + 1], 1, outputs), weight.transpose(1, 2)});
    }
    return layers;
}

/// Buffers cut to the number of events of a pass; shapes are [nets, n, width] and contiguous.
struct PassViews {
    std::int64_t events = 0;
    std::vector<at::Tensor> before;   ///< hidden layers, before the activation
    std::vector<at::Tensor> after;    ///< and after it; the same memory when evaluating
    std::vector<at::Tensor> result;   ///< what the layer above sees; the same as `after` where a
                                      ///< layer does not add to its input
    std::vector<at::Tensor> flow;     ///< gradient by `result`, one memory for all layers
    std::vector<at::Tensor> operand;  ///< what a layer sees, in bf16; only in bf16
    std::vector<at::Tensor> delta;    ///< `before` after the backward pass, in bf16; one memory
    std::vector<at::Tensor> product;  ///< of the sizes of `flow`, one memory; only in bf16
    at::Tensor logits;                ///< [nets, n]
    at::Tensor logits_column;         ///< [nets, n, 1], the same memory
};

class WrittenPack : public NetPack {
public:
    WrittenPack(const Network& network,
                const PackOptions& options,
                const c10::TensorOptions& device);

    const at::Tensor& parameters() const override { return parameters_; }
    void parameters_changed() override {
        if (rounds()) rounded_parameters_.copy_(parameters_);
    }
    const at::Tensor& gradient() const override { return gradient_; }
    const at::Tensor& forward(const at::Tensor& inputs) override;
    void backward(const at::Tensor& inputs, const at::Tensor& logit_gradient) override;
    void set_running(const std::vector<bool>&) override {}

private:
    PassViews& views_of(std::int64_t events);
    void allocate_rounded(std::int64_t events, std::int64_t widest);
    void view_rounded(PassViews& made) const;
    void forward_layer(PassViews& views, const at::Tensor& below, std::size_t layer);
    void backward_layer(PassViews& views, const at::Tensor& below, std::size_t layer);
    bool rounds() const { return options_.precision == Precision::bf16; }
    void require_inputs(const at::Tensor& inputs) const;

    Network network_;
    PackOptions options_;
    at::Tensor parameters_;
    at::Tensor gradient_;
    std::vector<Layer> layers_;
    std::vector<Layer> layer_gradients_;
    std::vector<at::Tensor> before_;  ///< flat memory, [nets * capacity * width]
    std::vector<at::Tensor> after_;
    std::vector<at::Tensor> sum_;  ///< of layers that add to their input
    at::Tensor flow_;
    at::Tensor logits_;
    at::Tensor rounded_parameters_;  ///< this and the next four only in bf16
    std::vector<Layer> rounded_layers_;
    std::vector<at::Tensor> operand_;
    at::Tensor delta_;
    at::Tensor product_;
    std::vector<PassViews> views_;  ///< one per number of events seen: full batch, last batch
};

WrittenPack::WrittenPack(const Network& network,
                         const PackOptions& options,
                         const c10::TensorOptions& device)
    : network_(network), options_(options) {
    const bool trains = options.use == PackUse::train;
    const std::int64_t events = options.nets * options.capacity;
    parameters_ =
        at::zeros({options.nets, static_cast<std::int64_t>(trainable_size(network))}, device);
    layers_ = layer_views(network, parameters_);
    logits_ = at::zeros({events}, device);
    const std::int64_t widest = std::ranges::max(network.hidden);
    const std::size_t memories = trains ? network.hidden.size() : 2;
    for (std::size_t memory = 0; memory < memories; ++memory) {
        const std::int64_t width = trains ? network.hidden[memory] : widest;
        before_.push_back(at::zeros({events * width}, device));
        if (!trains) continue;
        after_.push_back(at::zeros_like(before_.back()));
        sum_.push_back(adds_to_its_input(network, memory) ? at::zeros_like(before_.back())
                                                          : at::Tensor());
    }
    if (rounds()) allocate_rounded(events, widest);
    if (!trains) return;
    gradient_ = at::zeros_like(parameters_);
    layer_gradients_ = layer_views(network, gradient_);
    flow_ = at::zeros({events * widest}, device);
}

void WrittenPack::allocate_rounded(std::int64_t events, std::int64_t widest) {
    const auto options = parameters_.options().dtype(at::kBFloat16);
    rounded_parameters_ = at::zeros(parameters_.sizes(), options);
    rounded_layers_ = layer_views(network_, rounded_parameters_);
    for (std::size_t layer = 0; layer < network_.hidden.size(); ++layer) {
        operand_.push_back(at::zeros({events * layers_[layer].weight.size(2)}, options));
    }
    delta_ = at::zeros({events * widest}, options);
    product_ = at::zeros({events * widest}, parameters_.options());
}

void WrittenPack::view_rounded(PassViews& made) const {
    const auto cut = [&](const at::Tensor& memory, std::int64_t width) {
        return memory.narrow(0, 0, options_.nets * made.events * width)
            .view({options_.nets, made.events, width});
    };
    for (std::size_t layer = 0; layer < network_.hidden.size(); ++layer) {
        made.operand.push_back(cut(operand_[layer], layers_[layer].weight.size(2)));
        made.delta.push_back(cut(delta_, network_.hidden[layer]));
        made.product.push_back(cut(product_, network_.hidden[layer]));
    }
}

PassViews& WrittenPack::views_of(std::int64_t events) {
    const auto known = std::ranges::find(views_, events, &PassViews::events);
    if (known != views_.end()) return *known;

    PassViews made;
    made.events = events;
    const auto cut = [&](const at::Tensor& memory, std::int64_t width) {
        return memory.narrow(0, 0, options_.nets * events * width)
            .view({options_.nets, events, width});
    };
    for (std::size_t layer = 0; layer < network_.hidden.size(); ++layer) {
        const std::int64_t width = network_.hidden[layer];
        made.before.push_back(cut(before_[layer % before_.size()], width));
        if (options_.use == PackUse::evaluate) {
            made.after.push_back(made.before.back());
            made.result.push_back(made.before.back());
            continue;
        }
        made.after.push_back(cut(after_[layer], width));
        made.result.push_back(adds_to_its_input(network_, layer) ? cut(sum_[layer], width)
                                                                 : made.after.back());
        made.flow.push_back(cut(flow_, width));
    }
    if (rounds()) view_rounded(made);
    made.logits_column = cut(logits_, 1);
    made.logits = made.logits_column.squeeze(2);
    views_.push_back(std::move(made));
    return views_.back();
}

void WrittenPack::require_inputs(const at::Tensor& inputs) const {
    RATIOFARM_EXPECT(inputs.dim() == 3 && inputs.size(0) == options_.nets);
    RATIOFARM_EXPECT(inputs.size(1) > 0 && inputs.size(1) <= options_.capacity);
    RATIOFARM_EXPECT(inputs.size(2) == static_cast<std::int64_t>(scaled_inputs(network_)));
}

void WrittenPack::forward_layer(PassViews& views, const at::Tensor& below, std::size_t layer) {
    at::Tensor& before = views.before[layer];
    if (rounds()) {
        views.operand[layer].copy_(below);
        multiply_rounded(before, views.operand[layer], rounded_layers_[layer].weight_transposed);
        before.add_(layers_[layer].bias);
    } else {
        multiply_add(before, layers_[layer].bias, below, layers_[layer].weight_transposed);
    }
    activate(network_.activation, views.after[layer], before);
    if (adds_to_its_input(network_, layer)) {
        at::add_out(views.result[layer], views.after[layer], below);
    }
}

const at::Tensor& WrittenPack::forward(const at::Tensor& inputs) {
    require_inputs(inputs);
    PassViews& views = views_of(inputs.size(1));
    const at::Tensor* below = &inputs;
    for (std::size_t layer = 0; layer + 1 < layers_.size(); ++layer) {
        forward_layer(views, *below, layer);
        below = &views.result[layer];
    }
    multiply_add(views.logits_column, layers_.back().bias, *below,
                 layers_.back().weight_transposed);
    return views.logits;
}

/// From the gradient by the result of a layer to the gradient of its parameters and by its input.
void WrittenPack::backward_layer(PassViews& views, const at::Tensor& below, std::size_t layer) {
    at::Tensor& delta = views.before[layer];
    Layer& gradient = layer_gradients_[layer];
    activate_backward(network_.activation, delta, views.after[layer], views.flow[layer]);
    at::sum_out(gradient.bias, delta, {1}, true);
    if (rounds()) {
        at::Tensor& rounded = views.delta[layer].copy_(delta);
        multiply_rounded(gradient.weight, rounded.transpose(1, 2), views.operand[layer]);
        if (layer == 0) return;
        at::Tensor& product = views.product[layer - 1];
        multiply_rounded(product, rounded, rounded_layers_[layer].weight);
        if (adds_to_its_input(network_, layer)) {
            views.flow[layer - 1].add_(product);
        } else {
            views.flow[layer - 1].copy_(product);
        }
        return;
    }
    multiply(gradient.weight, delta.transpose(1, 2), below);
    if (layer == 0) return;
    if (adds_to_its_input(network_, layer)) {
        multiply_add(views.flow[layer - 1], views.flow[layer], delta, layers_[layer].weight);
    } else {
        multiply(views.flow[layer - 1], delta, layers_[layer].weight);
    }
}

void WrittenPack::backward(const at::Tensor& inputs, const at::Tensor& logit_gradient) {
    RATIOFARM_EXPECT(options_.use == PackUse::train);
    require_inputs(inputs);
    PassViews& views = views_of(inputs.size(1));

    const std::size_t last = layers_.size() - 1;
    const at::Tensor column = logit_gradient.unsqueeze(2);
    multiply(layer_gradients_[last].weight, column.transpose(1, 2), views.result[last - 1]);
    at::sum_out(layer_gradients_[last].bias, column, {1}, true);
    at::mul_out(views.flow[last - 1], column, layers_[last].weight);
    for (std::size_t layer = last; layer-- > 0;) {
        backward_layer(views, layer > 0 ? views.result[layer - 1] : inputs, layer);
    }
}

}  // namespace

std::unique_ptr<NetPack> make_written_pack(const Network& network,
                                           const PackOptions& options,
                                           const c10::TensorOptions& device) {
    return std::make_unique<WrittenPack>(network, options, device);
}

}  // namespace ratiofarm::trainer
