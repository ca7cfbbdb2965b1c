#pragma once

#include <cstdint>
#include <string>

#include "ratiofarm/protocol/network.hpp"

#include "mlp.hpp"

namespace ratiofarm {

/// Attention between particles with a bias by pair features, as the Particle Transformer
/// (arXiv:2202.03772), pooled by a mean: logit = MLP(mean_i h_i, n / N0, features).
template <class Graph>
typename Graph::Value transformer(Graph& graph,
                                  const Network& network,
                                  typename Graph::Value features) {
    using Value = typename Graph::Value;
    const std::uint32_t width = network.width;
    Value bias = graph.activate(graph.linear("bias0", graph.pair_quantities(), width));
    bias = graph.linear("bias1", bias, network.heads);
    Value h = graph.activate(graph.linear("embed0", graph.particles(), width));
    h = graph.linear("embed1", h, width);
    for (std::uint32_t block = 0; block < network.blocks; ++block) {
        const std::string name = "block" + std::to_string(block);
        Value x = graph.layer_norm(name + ".norm0", h);
        const Value q = graph.linear(name + ".query", x, width);
        const Value k = graph.linear(name + ".key", x, width);
        const Value v = graph.linear(name + ".value", x, width);
        x = graph.attention(q, k, v, bias);
        h = graph.add(h, graph.linear(name + ".out", x, width));
        x = graph.layer_norm(name + ".norm1", h);
        x = graph.activate(graph.linear(name + ".inner", x, 2 * width));
        h = graph.add(h, graph.linear(name + ".outer", x, width));
    }
    return mlp(graph, network, graph.concat({graph.mean(h), graph.count(), features}));
}

}  // namespace ratiofarm
