#pragma once

#include <cstddef>
#include <string>

#include "ratiofarm/protocol/network.hpp"

namespace ratiofarm {

/// Name of a layer of an MLP, counted from 0; the output layer is the last.
inline std::string layer_name(std::size_t layer) { return "layer" + std::to_string(layer); }

/// act(W x + b), in a training step with dropout; with network.layer_norm act(norm(W x + b)).
template <class Graph>
typename Graph::Value hidden_layer(Graph& graph,
                                   const Network& network,
                                   std::size_t layer,
                                   const typename Graph::Value& x) {
    const std::string name = layer_name(layer);
    typename Graph::Value y = graph.linear(name, x, network.hidden[layer]);
    if (network.layer_norm) y = graph.layer_norm(name + ".norm", y);
    return graph.drop(layer, graph.activate(y));
}

/// Layer after layer: h_l = act(W_l h_{l-1} + b_l), logit = W h + b.
template <class Graph>
typename Graph::Value mlp(Graph& graph, const Network& network, typename Graph::Value x) {
    for (std::size_t layer = 0; layer < network.hidden.size(); ++layer) {
        x = hidden_layer(graph, network, layer, x);
    }
    return graph.linear(layer_name(network.hidden.size()), x, network.outputs);
}

}  // namespace ratiofarm
