#include "cpu_pack.hpp"

#include <algorithm>
#include <type_traits>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/network_kinds.hpp"

#include "cpu_product.hpp"
#include "cpu_team.hpp"
#include "step_kernel.hpp"

namespace ratiofarm {
namespace {

/// Rows of operands begin at multiples of 64 bytes: 16 floats, 32 bf16.
template <class T>
std::size_t padded(std::size_t width) {
    constexpr std::size_t line = 64 / sizeof(T);
    return (width + line - 1) / line * line;
}

/// A matrix with padded rows of its own.
template <class T>
struct Memory {
    at::Tensor owner;
    Block<T> block;

    Memory() = default;
    Memory(std::size_t rows, std::size_t width)
        : owner(at::zeros({static_cast<std::int64_t>(rows * padded<T>(width))},
                          sizeof(T) == 2 ? at::kBFloat16 : at::kFloat)),
          block{static_cast<T*>(owner.mutable_data_ptr()), padded<T>(width)} {}
};

template <class T>
Block<const T> reading(Block<T> block) {
    return {block.data, block.stride};
}

template <class T>
Matrix<T> operand(Block<const T> block, bool transposed = false) {
    return {block.data, static_cast<std::int64_t>(block.stride), transposed};
}

/// One linear layer inside the row of a net.
struct LayerPlace {
    std::size_t inputs = 0;
    std::size_t outputs = 0;
    std::size_t weight = 0;  ///< offset in the trainable part
    std::size_t bias = 0;
    bool adds = false;  ///< to its input
};

std::vector<LayerPlace> layer_places(const Network& network) {
    std::vector<LayerPlace> places;
    const auto layout = parameter_layout(network);
    const std::uint64_t first = layout[2].offset;
    for (std::size_t block = 2; block < layout.size(); block += 2) {
        places.push_back({.inputs = layout[block].shape[1],
                          .outputs = layout[block].shape[0],
                          .weight = layout[block].offset - first,
                          .bias = layout[block + 1].offset - first,
                          .adds = places.size() < network.hidden.size() &&
                                  adds_to_its_input(network, places.size())});
    }
    return places;
}

/// What one net works on. T: element type of the operands of its products.
template <class T>
class CpuNet {
public:
    CpuNet(const Network& network, const PackOptions& options, float* parameters, float* gradient);

    void parameters_changed();
    void forward(Block<const float> inputs, std::size_t rows, float* logits);
    void backward(Block<const float> inputs, std::size_t rows, const float* logit_gradient);

private:
    static constexpr bool rounds = std::is_same_v<T, Bf16>;

    Block<const T> layer_inputs(std::size_t layer) const;
    Block<const T> weights(std::size_t layer) const;
    void take_inputs(Block<const float> inputs, std::size_t rows);
    void activate(std::size_t layer, std::size_t rows);
    void propagate(std::size_t layer, std::size_t rows);

    const StepKernel& kernel_ = step_kernel();
    const LayerKernel<T>& pass_ = layer_kernel();
    Activation activation_;
    bool trains_;
    std::vector<LayerPlace> layers_;
    float* parameters_;
    float* gradient_;

    Memory<T> inputs_;
    std::vector<Memory<T>> weights_;    ///< of hidden layers, rounded; empty in fp32
    std::vector<Memory<float>> slope_;  ///< before the activation, then its derivative there
    std::vector<Memory<T>> result_;     ///< of hidden layers
    Memory<float> flow_;                ///< gradient by a result
    Memory<T> delta_;                   ///< gradient by what goes into an activation

    const LayerKernel<T>& layer_kernel() const {
        if constexpr (rounds) {
            return kernel_.bf16;
        } else {
            return kernel_.fp32;
        }
    }
};

template <class T>
CpuNet<T>::CpuNet(const Network& network,
                  const PackOptions& options,
                  float* parameters,
                  float* gradient)
    : activation_(network.activation),
      trains_(options.use == PackUse::train),
      layers_(layer_places(network)),
      parameters_(parameters),
      gradient_(gradient),
      inputs_(static_cast<std::size_t>(options.capacity), network.inputs) {
    const auto capacity = static_cast<std::size_t>(options.capacity);
    const std::size_t widest = std::ranges::max(network.hidden);
    const std::size_t hidden = network.hidden.size();
    for (std::size_t layer = 0; layer < hidden; ++layer) {
        if (rounds) weights_.emplace_back(layers_[layer].outputs, layers_[layer].inputs);
        // Evaluating needs the layer below and its own.
        if (!trains_ && layer >= 2) continue;
        const std::size_t width = trains_ ? network.hidden[layer] : widest;
        result_.emplace_back(capacity, width);
        if (trains_ || layer == 0) slope_.emplace_back(capacity, width);
    }
    if (!trains_) return;
    flow_ = Memory<float>(capacity, widest);
    delta_ = Memory<T>(capacity, widest);
}

template <class T>
Block<const T> CpuNet<T>::layer_inputs(std::size_t layer) const {
    return reading(layer == 0 ? inputs_.block : result_[(layer - 1) % result_.size()].block);
}

template <class T>
Block<const T> CpuNet<T>::weights(std::size_t layer) const {
    if constexpr (rounds) {
        return reading(weights_[layer].block);
    } else {
        return {parameters_ + layers_[layer].weight, layers_[layer].inputs};
    }
}

template <class T>
void CpuNet<T>::parameters_changed() {
    for (std::size_t layer = 0; layer < weights_.size(); ++layer) {
        const LayerPlace& at = layers_[layer];
        const Block<const float> from{parameters_ + at.weight, at.inputs};
        const Block<T> to = weights_[layer].block;
        in_parts(at.outputs, 1, at.inputs, [&](std::size_t begin, std::size_t end) {
            pass_.convert({end - begin, at.inputs}, {from.row(begin), from.stride},
                          {to.row(begin), to.stride});
        });
    }
}

template <class T>
void CpuNet<T>::take_inputs(Block<const float> inputs, std::size_t rows) {
    pass_.convert({rows, layers_[0].inputs}, inputs, inputs_.block);
}

template <class T>
void CpuNet<T>::activate(std::size_t layer, std::size_t rows) {
    const LayerPlace& at = layers_[layer];
    const Block<float> slope = slope_[layer % slope_.size()].block;
    const Block<const T> below = layer_inputs(layer);
    const Block<T> result = result_[layer % result_.size()].block;
    in_parts(rows, 1, 3 * at.outputs, [&](std::size_t begin, std::size_t end) {
        const Extent extent{end - begin, at.outputs};
        const Block<float> z{slope.row(begin), slope.stride};
        const Block<const T> added =
            at.adds ? Block<const T>{below.row(begin), below.stride} : Block<const T>{};
        const Block<T> out{result.row(begin), result.stride};
        if (trains_) {
            pass_.activate(activation_, extent, z, parameters_ + at.bias, added, out);
        } else {
            pass_.evaluate(activation_, extent, reading(z), parameters_ + at.bias, added, out);
        }
    });
}

template <class T>
void CpuNet<T>::forward(Block<const float> inputs, std::size_t rows, float* logits) {
    take_inputs(inputs, rows);
    const std::size_t last = layers_.size() - 1;
    const auto n = static_cast<std::int64_t>(rows);
    for (std::size_t layer = 0; layer < last; ++layer) {
        const LayerPlace& at = layers_[layer];
        product({n, static_cast<std::int64_t>(at.outputs), static_cast<std::int64_t>(at.inputs)},
                operand(layer_inputs(layer)), operand(weights(layer), true),
                slope_[layer % slope_.size()].block);
        activate(layer, rows);
    }
    pass_.logits({rows, layers_[last].inputs}, layer_inputs(last),
                 parameters_ + layers_[last].weight, parameters_[layers_[last].bias], logits);
}

/// From the gradient by the result of a hidden layer to the gradient of its parameters and by its
/// input.
template <class T>
void CpuNet<T>::propagate(std::size_t layer, std::size_t rows) {
    const LayerPlace& at = layers_[layer];
    const auto n = static_cast<std::int64_t>(rows);
    const auto outputs = static_cast<std::int64_t>(at.outputs);
    const auto inputs = static_cast<std::int64_t>(at.inputs);
    const Block<const float> flow = reading(flow_.block);
    const Block<const float> slope = reading(slope_[layer].block);
    const Block<T> delta = delta_.block;
    in_parts(at.outputs, 64, 3 * rows, [&](std::size_t begin, std::size_t end) {
        pass_.delta({rows, end - begin}, {flow.data + begin, flow.stride},
                    {slope.data + begin, slope.stride}, {delta.data + begin, delta.stride},
                    gradient_ + at.bias + begin);
    });
    product({outputs, inputs, n}, operand(reading(delta), true), operand(layer_inputs(layer)),
            {gradient_ + at.weight, at.inputs});
    if (layer == 0) return;
    product({n, inputs, outputs}, operand(reading(delta)), operand(weights(layer)), flow_.block,
            at.adds);
}

template <class T>
void CpuNet<T>::backward(Block<const float>, std::size_t rows, const float* logit_gradient) {
    const LayerPlace& top = layers_.back();
    const Extent extent{rows, top.inputs};
    float bias = 0.0F;
    for (std::size_t row = 0; row < rows; ++row) bias += logit_gradient[row];
    gradient_[top.bias] = bias;
    pass_.output_gradient(extent, layer_inputs(layers_.size() - 1), logit_gradient,
                          gradient_ + top.weight);
    pass_.output_flow(extent, logit_gradient, parameters_ + top.weight, flow_.block);
    for (std::size_t layer = layers_.size() - 1; layer-- > 0;) propagate(layer, rows);
}

template <class T>
class CpuPack : public NetPack {
public:
    CpuPack(const Network& network, const PackOptions& options)
        : inputs_(network.inputs),
          capacity_(options.capacity),
          parameters_(at::zeros({options.nets, static_cast<std::int64_t>(trainable_size(network))},
                                at::kFloat)),
          logits_(at::zeros({options.nets * options.capacity}, at::kFloat)),
          running_(static_cast<std::size_t>(options.nets), true) {
        const bool trains = options.use == PackUse::train;
        if (trains) gradient_ = at::zeros_like(parameters_);
        for (std::int64_t net = 0; net < options.nets; ++net) {
            const std::int64_t row = net * parameters_.size(1);
            nets_.emplace_back(network, options, parameters_.mutable_data_ptr<float>() + row,
                               trains ? gradient_.mutable_data_ptr<float>() + row : nullptr);
        }
    }

    const at::Tensor& parameters() const override { return parameters_; }
    const at::Tensor& gradient() const override { return gradient_; }
    void set_running(const std::vector<bool>& running) override {
        RATIOFARM_EXPECT(running.size() == nets_.size());
        running_ = running;
    }
    void parameters_changed() override {
        for (auto& net : nets_) net.parameters_changed();
    }

    const at::Tensor& forward(const at::Tensor& inputs) override {
        const std::int64_t n = inputs.size(1);
        RATIOFARM_EXPECT(inputs.dim() == 3 && inputs.size(0) == std::ssize(nets_) &&
                         inputs.size(2) == inputs_ && n > 0 && n <= capacity_);
        if (!view_.defined() || view_.size(1) != n) {
            view_ = logits_.narrow(0, 0, std::ssize(nets_) * n).view({std::ssize(nets_), n});
        }
        for_running([&](std::size_t net) {
            nets_[net].forward(
                rows_of(inputs, net), static_cast<std::size_t>(n),
                view_.mutable_data_ptr<float>() + static_cast<std::int64_t>(net) * n);
        });
        return view_;
    }

    void backward(const at::Tensor& inputs, const at::Tensor& logit_gradient) override {
        const std::int64_t n = inputs.size(1);
        RATIOFARM_EXPECT(gradient_.defined() && logit_gradient.is_contiguous() &&
                         logit_gradient.size(0) == std::ssize(nets_) &&
                         logit_gradient.size(1) == n);
        for_running([&](std::size_t net) {
            nets_[net].backward(
                rows_of(inputs, net), static_cast<std::size_t>(n),
                logit_gradient.const_data_ptr<float>() + static_cast<std::int64_t>(net) * n);
        });
    }

private:
    template <class Work>
    void for_running(const Work& work) const {
        for (std::size_t net = 0; net < nets_.size(); ++net) {
            if (running_[net]) work(net);
        }
    }

    static Block<const float> rows_of(const at::Tensor& inputs, std::size_t net) {
        RATIOFARM_EXPECT(inputs.stride(2) == 1 || inputs.size(2) == 1);
        return {inputs.const_data_ptr<float>() + static_cast<std::int64_t>(net) * inputs.stride(0),
                static_cast<std::size_t>(inputs.stride(1))};
    }

    std::int64_t inputs_;
    std::int64_t capacity_;
    at::Tensor parameters_;
    at::Tensor gradient_;
    at::Tensor logits_;
    at::Tensor view_;  ///< [nets, n] of the last pass
    std::vector<bool> running_;
    std::vector<CpuNet<T>> nets_;
};

}  // namespace

bool has_cpu_pack(const Network& network, const PackOptions&) {
    return has_written_step(network.kind) && network.activation != Activation::gelu;
}

std::unique_ptr<NetPack> make_cpu_pack(const Network& network, const PackOptions& options) {
    RATIOFARM_EXPECT(has_cpu_pack(network, options));
    if (options.precision == Precision::bf16) {
        return std::make_unique<CpuPack<Bf16>>(network, options);
    }
    return std::make_unique<CpuPack<float>>(network, options);
}

}  // namespace ratiofarm
