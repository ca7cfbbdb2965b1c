#pragma once

#include <cstddef>
#include <string>

#include "ratiofarm/protocol/network.hpp"

namespace ratiofarm {

/// Name of a layer of an MLP, counted from 0; the output layer is the last.
inline std::string layer_name(std::size_t layer) { return "layer" + std::to_string(layer); }

/// Layer after layer: h_l = act(W_l h_{l-1} + b_l), logit = W h + b.
template <class Graph>
typename Graph::Value mlp(Graph& graph, const Network& network, typename Graph::Value x) {
    for (std::size_t layer = 0; layer < network.hidden.size(); ++layer) {
        x = graph.activate(graph.linear(layer_name(layer), x, network.hidden[layer]));
    }
    return graph.linear(layer_name(network.hidden.size()), x, network.outputs);
}

}  // namespace ratiofarm
