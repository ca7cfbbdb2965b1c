#pragma once

#include <cstdint>
#include <string>

#include "ratiofarm/protocol/network.hpp"

#include "mlp.hpp"

namespace ratiofarm {

/// Messages between all particles, or from the nearest ones in rapidity and azimuth:
///     h_i = act(W h_i + mean_j MLP(h_i, h_j)),   logit = MLP(mean_i h_i, n / N0, features)
template <class Graph>
typename Graph::Value graph(Graph& graph, const Network& network, typename Graph::Value features) {
    using Value = typename Graph::Value;
    const std::uint32_t width = network.width;
    Value h = graph.particles();
    const Value x = graph.psi(graph.products());
    for (std::uint32_t block = 0; block < network.blocks; ++block) {
        const std::string name = "block" + std::to_string(block);
        Value m = graph.activate(graph.pair_linear(name + ".message0", h, x, width));
        m = graph.activate(graph.linear(name + ".message1", m, width));
        m = network.neighbours > 0 ? graph.mean_of_neighbours(m) : graph.mean_of_partners(m);
        h = graph.activate(graph.add(graph.linear(name + ".node", h, width), m));
    }
    return mlp(graph, network, graph.concat({graph.mean(h), graph.count(), features}));
}

}  // namespace ratiofarm
