#include "cpu_net.hpp"

#include <algorithm>

#include "ratiofarm/core/contracts.hpp"

#include "protocol/network_kinds.hpp"

#include "cpu_product.hpp"
#include "cpu_team.hpp"

namespace ratiofarm::trainer {
namespace {

template <class T>
Block<const T> reading(Block<T> block) {
    return {block.data, block.stride};
}

template <class T>
Matrix<T> operand(Block<const T> block, bool transposed = false) {
    return {block.data, static_cast<std::int64_t>(block.stride), transposed};
}

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

}  // namespace

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
      inputs_(static_cast<std::size_t>(options.capacity), scaled_inputs(network)) {
    RATIOFARM_EXPECT(begins_a_line(parameters) && begins_a_line(gradient));
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
    if (rounds) delta_ = Memory<T>(capacity, widest);
}

template <class T>
Block<const T> CpuNet<T>::layer_inputs(std::size_t layer) const {
    return reading(layer == 0 ? inputs_.block() : result_[(layer - 1) % result_.size()].block());
}

template <class T>
Block<const T> CpuNet<T>::weights(std::size_t layer) const {
    if constexpr (rounds) {
        return reading(weights_[layer].block());
    } else {
        return {parameters_ + layers_[layer].weight, layers_[layer].inputs};
    }
}

/// In fp32 the gradient takes the place of the derivative that it was made with.
template <class T>
Block<T> CpuNet<T>::delta_block(std::size_t layer) const {
    if constexpr (rounds) {
        return delta_.block();
    } else {
        return slope_[layer].block();
    }
}

template <class T>
void CpuNet<T>::parameters_changed() {
    for (std::size_t layer = 0; layer < weights_.size(); ++layer) {
        const LayerPlace& at = layers_[layer];
        const Block<const float> from{parameters_ + at.weight, at.inputs};
        const Block<T> to = weights_[layer].block();
        in_parts(at.outputs, 1, at.inputs, [&](std::size_t begin, std::size_t end) {
            pass_.convert({end - begin, at.inputs}, {from.row(begin), from.stride},
                          {to.row(begin), to.stride});
        });
    }
}

template <class T>
void CpuNet<T>::take_inputs(Block<const float> inputs, std::size_t rows) {
    pass_.convert({rows, layers_[0].inputs}, inputs, inputs_.block());
}

template <class T>
void CpuNet<T>::activate(std::size_t layer, std::size_t rows) {
    const LayerPlace& at = layers_[layer];
    const Block<float> slope = slope_[layer % slope_.size()].block();
    const Block<const T> below = layer_inputs(layer);
    const Block<T> result = result_[layer % result_.size()].block();
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
                slope_[layer % slope_.size()].block());
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
    const Block<const float> flow = reading(flow_.block());
    const Block<const float> slope = reading(slope_[layer].block());
    const Block<T> delta = delta_block(layer);
    in_parts(at.outputs, 64, 3 * rows, [&](std::size_t begin, std::size_t end) {
        pass_.delta({rows, end - begin}, {flow.data + begin, flow.stride},
                    {slope.data + begin, slope.stride}, {delta.data + begin, delta.stride},
                    gradient_ + at.bias + begin);
    });
    product({outputs, inputs, n}, operand(reading(delta), true), operand(layer_inputs(layer)),
            {gradient_ + at.weight, at.inputs});
    if (layer == 0) return;
    product({n, inputs, outputs}, operand(reading(delta)), operand(weights(layer)), flow_.block(),
            at.adds);
}

template <class T>
void CpuNet<T>::backward(std::size_t rows, const float* logit_gradient) {
    const LayerPlace& top = layers_.back();
    const Extent extent{rows, top.inputs};
    float bias = 0.0F;
    for (std::size_t row = 0; row < rows; ++row) bias += logit_gradient[row];
    gradient_[top.bias] = bias;
    pass_.output_gradient(extent, layer_inputs(layers_.size() - 1), logit_gradient,
                          gradient_ + top.weight);
    pass_.output_flow(extent, logit_gradient, parameters_ + top.weight, flow_.block());
    for (std::size_t layer = layers_.size() - 1; layer-- > 0;) propagate(layer, rows);
}

template class CpuNet<float>;
template class CpuNet<Bf16>;

}  // namespace ratiofarm::trainer
