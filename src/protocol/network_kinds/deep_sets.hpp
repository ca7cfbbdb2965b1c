#pragma once

#include <cstdint>
#include <string>

#include "ratiofarm/protocol/network.hpp"

#include "mlp.hpp"

namespace ratiofarm {

/// h = sum_i f(x_i) / N0 with an MLP f of network.blocks layers, logit = MLP(h, features).
template <class Graph>
typename Graph::Value deep_sets(Graph& graph,
                                const Network& network,
                                typename Graph::Value features) {
    typename Graph::Value x = graph.particles();
    for (std::uint32_t layer = 0; layer < network.blocks; ++layer) {
        x = graph.activate(graph.linear("particle" + std::to_string(layer), x, network.width));
    }
    return mlp(graph, network, graph.concat({graph.sum(x), features}));
}

}  // namespace ratiofarm
