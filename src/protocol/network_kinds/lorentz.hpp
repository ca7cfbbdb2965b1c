#pragma once

#include <cstdint>
#include <string>

#include "ratiofarm/protocol/network.hpp"

#include "mlp.hpp"

namespace ratiofarm {

/// Messages m_ij by the pair products G of the momenta, and no other function of them: invariant
/// under boosts and rotations. LorentzNet (arXiv:2201.08187) moves the momenta, here G moves as
/// they would move it. s_i: columns and mass^2 of a particle.
///     m_ij = gate(MLP(h_i, h_j, psi((p_i - p_j)^2), psi(p_i . p_j)))
///     p_i += c mean_j MLP(m_ij) (p_i - p_j),   h_i += MLP(h_i, sum_j m_ij / N0, s_i)
///     logit = MLP(mean_i h_i, n / N0, features)
template <class Graph>
typename Graph::Value lorentz(Graph& graph,
                              const Network& network,
                              typename Graph::Value features) {
    using Value = typename Graph::Value;
    const std::uint32_t width = network.width;
    Value products = graph.products();
    const Value s = graph.concat({graph.particles(), graph.psi(graph.own(products))});
    Value h = graph.linear("embed", s, width);
    for (std::uint32_t block = 0; block < network.blocks; ++block) {
        const std::string name = "block" + std::to_string(block);
        const Value x = graph.psi(graph.concat({graph.distances(products), products}));
        Value m = graph.activate(graph.pair_linear(name + ".message0", h, x, width));
        m = graph.activate(graph.linear(name + ".message1", m, width));
        m = graph.gate(m, graph.linear(name + ".gate", m, 1));
        if (block + 1 < network.blocks) {
            const Value w = graph.activate(graph.linear(name + ".move0", m, width));
            products = graph.move(products, graph.linear(name + ".move1", w, 1));
        }
        Value change = graph.concat({h, graph.sum_of_partners(m), s});
        change = graph.activate(graph.linear(name + ".update0", change, width));
        h = graph.add(h, graph.linear(name + ".update1", change, width));
    }
    return mlp(graph, network, graph.concat({graph.mean(h), graph.count(), features}));
}

}  // namespace ratiofarm
