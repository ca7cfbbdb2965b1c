#pragma once

#include <cstdint>
#include <string>

#include "ratiofarm/protocol/network.hpp"

#include "mlp.hpp"

namespace ratiofarm {

/// Permutation-equivariant maps of the matrix of pair products, and no other function of the
/// momenta: invariant under boosts and rotations. As PELICAN (arXiv:2211.00454) without batch
/// normalisation, columns and multiplicity of its own; logit = MLP(sum of all T, its trace,
/// features).
template <class Graph>
typename Graph::Value pelican(Graph& graph,
                              const Network& network,
                              typename Graph::Value features) {
    using Value = typename Graph::Value;
    constexpr std::uint32_t channels = 8;
    const std::uint32_t width = network.width;
    Value t = graph.powers("input", graph.products(), channels);
    t = graph.masked(graph.linear("input", t, width));
    for (std::uint32_t block = 0; block < network.blocks; ++block) {
        const std::string name = "block" + std::to_string(block);
        t = graph.masked(graph.activate(graph.linear(name + ".mix", t, width)));
        t = graph.diagonal_linear(name + ".maps", graph.aggregate(t), width);
        t = graph.masked(graph.activate(t));
    }
    return mlp(graph, network, graph.concat({graph.totals(t), features}));
}

}  // namespace ratiofarm
