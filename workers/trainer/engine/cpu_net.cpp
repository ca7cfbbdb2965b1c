#include "cpu_net.hpp"

#include <algorithm>
#include <cstring>

#include <ATen/Parallel.h>

#include "ratiofarm/core/contracts.hpp"

#include "protocol/network_kinds.hpp"

#include "cpu_team.hpp"

namespace ratiofarm::trainer {
namespace {

template <class T>
Block<const T> reading(Block<T> block) {
    return {block.data, block.stride};
}

template <class T>
Block<T> from_row(Block<T> block, std::size_t row) {
    return {block.row(row), block.stride};
}

template <class T>
Matrix<T> operand(Block<const T> block, bool transposed = false) {
    return {block.data, static_cast<std::int64_t>(block.stride), transposed};
}

/// Two neighbouring elements of a row as one; rows are padded with zeros.
Matrix<float> in_pairs(Block<const Bf16> block, bool transposed = false) {
    return {reinterpret_cast<const float*>(block.data), static_cast<std::int64_t>(block.stride / 2),
            transposed};
}

std::int64_t pairs(std::size_t size) { return static_cast<std::int64_t>((size + 1) / 2); }

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

/// What a row of all layers takes, in floats: values, derivatives and what flows back.
std::size_t floats_of_row(const Network& network, bool trains) {
    std::size_t all = scaled_inputs(network);
    std::size_t widest = 0;
    for (const std::size_t width : network.hidden) {
        all += 2 * width;
        widest = std::max(widest, width);
    }
    return trains ? all + widest : 3 * widest;
}

/// All rows where weights do not stay in the cache from one block to the next.
std::size_t rows_in_cache(const Network& network, bool trains, std::size_t all) {
    constexpr std::size_t cache = 1 << 17;  // floats, half of a second-level cache
    constexpr std::size_t least = 96;       // sums over rows are read and written once a block
    const std::size_t widest = std::ranges::max(network.hidden);
    if (widest * widest > cache) return all;
    const std::size_t fit = cache / floats_of_row(network, trains);
    return std::max(fit / least * least, least);
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
      row_block_(rows_in_cache(network, trains_, static_cast<std::size_t>(options.capacity))),
      inputs_(static_cast<std::size_t>(options.capacity), scaled_inputs(network)) {
    RATIOFARM_EXPECT(begins_a_line(parameters) && begins_a_line(gradient));
    const auto capacity = static_cast<std::size_t>(options.capacity);
    const std::size_t widest = std::ranges::max(network.hidden);
    const std::size_t hidden = network.hidden.size();
    if (!rounds || by_pairs()) ahead_.resize(hidden);
    for (std::size_t layer = 0; layer < hidden; ++layer) {
        if (rounds) weights_.emplace_back(layers_[layer].outputs, layers_[layer].inputs);
        if (trains_ && by_pairs()) {
            back_.emplace_back(pairs(layers_[layer].outputs), layers_[layer].inputs);
        }
        // Evaluating needs the layer below and its own.
        if (!trains_ && layer >= 2) continue;
        const std::size_t width = trains_ ? network.hidden[layer] : widest;
        result_.emplace_back(capacity, width);
        if (trains_ || layer == 0) slope_.emplace_back(capacity, width);
    }
    if (!trains_) return;
    flow_ = Memory<float>(capacity, widest);
    if (rounds) delta_ = Memory<T>(capacity, widest);
    if (!by_pairs()) return;
    delta_pairs_ = Memory<float>(pairs(capacity), widest);
    input_pairs_ = Memory<float>(pairs(capacity), std::max(widest, layers_[0].inputs));
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
    for (std::size_t layer = 0; layer + 1 < layers_.size(); ++layer) {
        const LayerPlace& at = layers_[layer];
        if constexpr (rounds) {
            const Block<const float> from{parameters_ + at.weight, at.inputs};
            const Block<T> to = weights_[layer].block();
            in_parts(at.outputs, 1, at.inputs, [&](std::size_t begin, std::size_t end) {
                pass_.convert({end - begin, at.inputs}, from_row(from, begin), from_row(to, begin));
            });
            if (!by_pairs()) continue;
            ahead_[layer].set(pairs(at.inputs), static_cast<std::int64_t>(at.outputs),
                              in_pairs(weights(layer), true));
            if (trains_) {
                kernel_.pair_rows({at.outputs, at.inputs}, weights(layer), back_[layer].block());
            }
        } else {
            ahead_[layer].set(static_cast<std::int64_t>(at.inputs),
                              static_cast<std::int64_t>(at.outputs), operand(weights(layer), true));
        }
    }
}

template <class T>
void CpuNet<T>::take_inputs(Block<const float> inputs, Rows rows) {
    pass_.convert({rows.size(), layers_[0].inputs}, from_row(inputs, rows.begin),
                  from_row(inputs_.block(), rows.begin));
}

template <class T>
void CpuNet<T>::multiply(std::size_t layer, Rows rows) {
    const LayerPlace& at = layers_[layer];
    const ProductShape shape{static_cast<std::int64_t>(rows.size()),
                             static_cast<std::int64_t>(at.outputs),
                             static_cast<std::int64_t>(at.inputs)};
    const Block<const T> below = from_row(layer_inputs(layer), rows.begin);
    const Block<float> result = from_row(slope_[layer % slope_.size()].block(), rows.begin);
    if constexpr (!rounds) {
        product(shape, operand(below), ahead_[layer], result);
    } else if (by_pairs()) {
        product({shape.rows, shape.columns, pairs(at.inputs)}, in_pairs(below), ahead_[layer],
                result, Elements::pairs);
    } else {
        product(shape, operand(below), operand(weights(layer), true), result);
    }
}

template <class T>
void CpuNet<T>::activate(std::size_t layer, Rows rows) {
    const LayerPlace& at = layers_[layer];
    const Extent extent{rows.size(), at.outputs};
    const Block<float> z = from_row(slope_[layer % slope_.size()].block(), rows.begin);
    const Block<const T> below =
        at.adds ? from_row(layer_inputs(layer), rows.begin) : Block<const T>{};
    const Block<T> result = from_row(result_[layer % result_.size()].block(), rows.begin);
    if (trains_) {
        pass_.activate(activation_, extent, z, parameters_ + at.bias, below, result);
    } else {
        pass_.evaluate(activation_, extent, reading(z), parameters_ + at.bias, below, result);
    }
}

template <class T>
void CpuNet<T>::forward_rows(Block<const float> inputs, Rows rows, float* logits) {
    take_inputs(inputs, rows);
    const std::size_t last = layers_.size() - 1;
    for (std::size_t layer = 0; layer < last; ++layer) {
        multiply(layer, rows);
        in_parts(rows.size(), 1, 3 * layers_[layer].outputs,
                 [&](std::size_t begin, std::size_t end) {
                     activate(layer, {rows.begin + begin, rows.begin + end});
                 });
    }
    pass_.logits({rows.size(), layers_[last].inputs}, from_row(layer_inputs(last), rows.begin),
                 parameters_ + layers_[last].weight, parameters_[layers_[last].bias],
                 logits + rows.begin);
}

template <class T>
void CpuNet<T>::forward(Block<const float> inputs, std::size_t rows, float* logits) {
    if (rounds && !by_pairs()) return forward_rows(inputs, {0, rows}, logits);
    std::size_t products = 0;
    for (const LayerPlace& layer : layers_) products += layer.inputs * layer.outputs;
    in_parts(rows, 12, products / 32, [&](std::size_t begin, std::size_t end) {
        for (; begin < end; begin += row_block_) {
            forward_rows(inputs, {begin, std::min(begin + row_block_, end)}, logits);
        }
    });
}

/// Products of propagate().
template <class T>
void CpuNet<T>::propagate_pairs(std::size_t layer, Rows rows) {
    if constexpr (rounds) {
        const LayerPlace& at = layers_[layer];
        const auto outputs = static_cast<std::int64_t>(at.outputs);
        const auto inputs = static_cast<std::int64_t>(at.inputs);
        const Block<const T> delta = from_row(reading(delta_.block()), rows.begin);
        kernel_.pair_rows({rows.size(), at.outputs}, delta, delta_pairs_.block());
        kernel_.pair_rows({rows.size(), at.inputs}, from_row(layer_inputs(layer), rows.begin),
                          input_pairs_.block());
        product_of_pairs({outputs, inputs, pairs(rows.size())},
                         operand(reading(delta_pairs_.block()), true),
                         operand(reading(input_pairs_.block())), {gradient_ + at.weight, at.inputs},
                         rows.begin > 0);
        if (layer == 0) return;
        product_of_pairs({static_cast<std::int64_t>(rows.size()), inputs, pairs(at.outputs)},
                         in_pairs(delta), operand(reading(back_[layer].block())),
                         from_row(flow_.block(), rows.begin), at.adds);
    }
}

/// From the gradient by the result of a hidden layer to the gradient of its parameters and by its
/// input. Adds to the gradient of the parameters, but for the first rows, which begin it.
template <class T>
void CpuNet<T>::propagate(std::size_t layer, Rows rows) {
    const LayerPlace& at = layers_[layer];
    const auto n = static_cast<std::int64_t>(rows.size());
    const auto outputs = static_cast<std::int64_t>(at.outputs);
    const auto inputs = static_cast<std::int64_t>(at.inputs);
    const Block<float> flow = from_row(flow_.block(), rows.begin);
    const Block<float> slope = from_row(slope_[layer].block(), rows.begin);
    const Block<T> delta = from_row(delta_block(layer), rows.begin);
    in_parts(at.outputs, 64, 3 * rows.size(), [&](std::size_t begin, std::size_t end) {
        pass_.delta({rows.size(), end - begin}, {flow.data + begin, flow.stride},
                    {slope.data + begin, slope.stride}, {delta.data + begin, delta.stride},
                    gradient_ + at.bias + begin);
    });
    if (by_pairs()) return propagate_pairs(layer, rows);
    product({outputs, inputs, n}, operand(reading(delta), true),
            operand(from_row(layer_inputs(layer), rows.begin)), {gradient_ + at.weight, at.inputs},
            rows.begin > 0);
    if (layer == 0) return;
    product({n, inputs, outputs}, operand(reading(delta)), operand(weights(layer)), flow, at.adds);
}

template <class T>
void CpuNet<T>::backward_rows(Rows rows, const float* logit_gradient) {
    const LayerPlace& top = layers_.back();
    const Extent extent{rows.size(), top.inputs};
    const float* of_rows = logit_gradient + rows.begin;
    for (std::size_t row = 0; row < rows.size(); ++row) gradient_[top.bias] += of_rows[row];
    pass_.output_gradient(extent, from_row(layer_inputs(layers_.size() - 1), rows.begin), of_rows,
                          gradient_ + top.weight);
    pass_.output_flow(extent, of_rows, parameters_ + top.weight,
                      from_row(flow_.block(), rows.begin));
    for (std::size_t layer = layers_.size() - 1; layer-- > 0;) propagate(layer, rows);
}

template <class T>
void CpuNet<T>::backward(std::size_t rows, const float* logit_gradient) {
    const LayerPlace& top = layers_.back();
    std::memset(gradient_ + top.weight, 0, top.inputs * sizeof(float));
    for (const LayerPlace& layer : layers_) {
        std::memset(gradient_ + layer.bias, 0, layer.outputs * sizeof(float));
    }
    // Threads share the columns of a sum, not its rows: they want them all at once.
    const bool alone = (!rounds || by_pairs()) && at::get_num_threads() == 1;
    const std::size_t block = alone ? row_block_ : rows;
    for (std::size_t begin = 0; begin < rows; begin += block) {
        backward_rows({begin, std::min(begin + block, rows)}, logit_gradient);
    }
}

template class CpuNet<float>;
template class CpuNet<Bf16>;

}  // namespace ratiofarm::trainer
