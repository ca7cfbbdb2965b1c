#pragma once

#include <stdexcept>

#include "ratiofarm/protocol/network.hpp"
#include "ratiofarm/protocol/training_options.hpp"

#include "protocol/network_kinds/deep_sets.hpp"
#include "protocol/network_kinds/graph.hpp"
#include "protocol/network_kinds/lorentz.hpp"
#include "protocol/network_kinds/mlp.hpp"
#include "protocol/network_kinds/pelican.hpp"
#include "protocol/network_kinds/residual_mlp.hpp"
#include "protocol/network_kinds/transformer.hpp"

/// What a kind of network computes is written once, as a function template over a graph, in
/// protocol/network_kinds/<kind>.hpp. One graph lists the parameters (core), another computes with
/// tensors that autograd follows (the trainer). A graph has a type Value and
///     Value linear(const std::string& name, Value x, std::uint32_t outputs)   W x + b
///     Value activate(Value x)                                                 network.activation
///     Value add(Value x, Value y)
///     Value layer_norm(name, Value x)                 of each event, or particle
///     Value drop(layer, Value x)                      dropout of a hidden layer in training
/// A value is one of the event, of each particle or of each pair of particles (i, j). Of kinds that
/// read particles a graph has, too (n real particles, N0 their number in a typical event, all sums
/// and means over real ones; what is padded never reaches a sum):
///     Value count()                      n / N0, of the event
///     Value particles()                  columns of each particle, scaled
///     Value products()                   p_i . p_j of the scaled momenta, of each pair, i = j too
///     Value pair_quantities()            ln Delta, ln kT, ln z and ln m^2 of each pair
///     Value pair_linear(name, Value h, Value x, outputs)      W (h_i, h_j, x_ij) + b
///     Value diagonal_linear(name, Value x, outputs)   linear(), and a bias more where i = j
///     Value powers(name, Value x, channels)           sign(x) ((1 + |x|)^a - 1) / a with trained a
///     Value concat({Value...})
///     Value psi(Value x)                 sign(x) ln(1 + |x|)
///     Value gate(Value x, Value y)       x sigmoid(y), y of width 1
///     Value mean(Value x), sum(Value x)  over particles; a sum is divided by N0
///     Value mean_of_partners(Value x)    of each particle i over the others j
///     Value sum_of_partners(Value x)     likewise, divided by N0
///     Value mean_of_neighbours(Value x)  over the network.neighbours nearest others
///     Value own(Value x)                 x_ii
///     Value distances(Value products)    (p_i - p_j)^2
///     Value move(Value products, Value w)    products after p_i += c mean_j w_ij (p_i - p_j)
///     Value attention(Value q, Value k, Value v, Value bias)  a head for each number of the bias
///     Value aggregate(Value x)           the 15 permutation-equivariant maps of a matrix
///     Value totals(Value x)              its two invariants
///     Value masked(Value x)              0 for pairs with what is padded
namespace ratiofarm {

/// The logit of a network, or one for each of its outputs, as values of a graph.
/// \param features  value of width network.inputs + gram_size()
template <class Graph>
typename Graph::Value logit(Graph& graph, const Network& network, typename Graph::Value features) {
    switch (network.kind) {
#define RATIOFARM_CASE(kind) \
    case NetworkKind::kind: return ratiofarm::kind(graph, network, std::move(features));
        RATIOFARM_NETWORK_KINDS(RATIOFARM_CASE)
#undef RATIOFARM_CASE
    }
    throw std::logic_error("a network of no known kind");
}

/// True if the trainer has a written-out forward and backward pass for one output of the kind. Of
/// kinds that read particles it has one for CPUs in fp32; autograd serves where it does not.
bool has_written_step(NetworkKind kind);

/// The engine that trains a network when `asked` is wanted: written or autograd.
/// \param dropout  TrainingOptions::dropout
/// \throws ConfigError if a written step is asked for and does not exist: for the kind, because the
///         network has several outputs or layer_norm, or for dropout
Engine engine_of(const Network& network, Engine asked, double dropout = 0.0);

}  // namespace ratiofarm
