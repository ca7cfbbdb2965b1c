#pragma once

#include <stdexcept>

#include "ratiofarm/protocol/network.hpp"
#include "ratiofarm/protocol/training_options.hpp"

#include "protocol/network_kinds/mlp.hpp"
#include "protocol/network_kinds/residual_mlp.hpp"

/// What a kind of network computes is written once, as a function template over a graph, in
/// protocol/network_kinds/<kind>.hpp. One graph lists the parameters (core), another computes with
/// tensors that autograd follows (the trainer). A graph has a type Value and
///     Value linear(const std::string& name, Value x, std::uint32_t outputs)   W x + b
///     Value activate(Value x)                                                 network.activation
///     Value add(Value x, Value y)
namespace ratiofarm {

/// The logit of a network, or one for each of its outputs, as values of a graph.
/// \param features  value of width network.inputs
template <class Graph>
typename Graph::Value logit(Graph& graph, const Network& network, typename Graph::Value features) {
    switch (network.kind) {
#define RATIOFARM_CASE(kind) \
    case NetworkKind::kind: return kind(graph, network, std::move(features));
        RATIOFARM_NETWORK_KINDS(RATIOFARM_CASE)
#undef RATIOFARM_CASE
    }
    throw std::logic_error("a network of no known kind");
}

/// True if the trainer has a written-out forward and backward pass for one output of the kind.
bool has_written_step(NetworkKind kind);

/// The engine that trains a network when `asked` is wanted: written or autograd.
/// \throws ConfigError if a written step is asked for and does not exist: for the kind, or because
///         the network has several outputs
Engine engine_of(const Network& network, Engine asked);

}  // namespace ratiofarm
