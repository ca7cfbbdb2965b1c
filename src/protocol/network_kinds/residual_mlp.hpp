#pragma once

#include <cstddef>

#include "ratiofarm/protocol/network.hpp"

#include "mlp.hpp"

namespace ratiofarm {

/// True for a hidden layer that adds to its input.
inline bool adds_to_its_input(const Network& network, std::size_t layer) {
    return network.kind == NetworkKind::residual_mlp && layer > 0 &&
           network.hidden[layer] == network.hidden[layer - 1];
}

/// As mlp(), but h_l = h_{l-1} + act(W_l h_{l-1} + b_l) where a hidden layer is as wide as the
/// hidden layer before it.
template <class Graph>
typename Graph::Value residual_mlp(Graph& graph, const Network& network, typename Graph::Value x) {
    for (std::size_t layer = 0; layer < network.hidden.size(); ++layer) {
        const typename Graph::Value change = hidden_layer(graph, network, layer, x);
        x = adds_to_its_input(network, layer) ? graph.add(x, change) : change;
    }
    return graph.linear(layer_name(network.hidden.size()), x, network.outputs);
}

}  // namespace ratiofarm
