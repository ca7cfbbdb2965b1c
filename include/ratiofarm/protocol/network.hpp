#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ratiofarm/core/enum_words.hpp"
#include "ratiofarm/core/wire.hpp"

namespace ratiofarm {

/// All have f(0) = 0.
enum class Activation : std::uint8_t { relu, silu, tanh, gelu };
template <>
inline constexpr auto enum_words<Activation> = words("relu", "silu", "tanh", "gelu");

/// Every kind of network: a line here, its function in protocol/network_kinds/<kind>.hpp and its
/// include in protocol/network_kinds.hpp. New ones at the end: files hold the number.
#define RATIOFARM_NETWORK_KINDS(KIND)                                                        \
    KIND(mlp)          /* layer after layer */                                               \
    KIND(residual_mlp) /* hidden layers of the width of the one before add to their input */ \
    KIND(deep_sets)    /* of particle lists: a sum over particles */                         \
    KIND(lorentz)      /* messages between particles by their pair products, nothing else */ \
    KIND(graph)        /* messages between particles */                                      \
    KIND(transformer)  /* attention between particles, biased by pair features */            \
    KIND(pelican)      /* permutation-equivariant maps of the matrix of pair products */

enum class NetworkKind : std::uint8_t {
#define RATIOFARM_ENUMERATOR(kind) kind,
    RATIOFARM_NETWORK_KINDS(RATIOFARM_ENUMERATOR)
#undef RATIOFARM_ENUMERATOR
};
template <>
inline constexpr auto enum_words<NetworkKind> = std::to_array<std::string_view>({
#define RATIOFARM_WORD(kind) #kind,
    RATIOFARM_NETWORK_KINDS(RATIOFARM_WORD)
#undef RATIOFARM_WORD
});

/// Kinds that look at the particle lists of events, not only at their features.
constexpr bool reads_particles(NetworkKind kind) {
    return kind != NetworkKind::mlp && kind != NetworkKind::residual_mlp;
}

/// Kinds that look at the momenta of particles beside their columns, that is at pairs of them.
constexpr bool reads_momenta(NetworkKind kind) {
    return reads_particles(kind) && kind != NetworkKind::deep_sets;
}

/// A network that maps the features of an event to one logit, or to one for each class.
struct Network {
    NetworkKind kind = NetworkKind::mlp;
    std::uint32_t inputs = 0;           ///< number of features
    std::vector<std::uint32_t> hidden;  ///< width of each hidden layer; of kinds that read
                                        ///< particles of those behind the pooling
    Activation activation = Activation::silu;
    std::uint32_t outputs = 1;  ///< 1: a density ratio; otherwise classes of a classifier
    bool layer_norm = false;    ///< before each activation; only of kinds that read no particles
    std::uint32_t gram = 0;  ///< particles with the highest pT whose pair products are seen, too;
                             ///< only of kinds that read no particles otherwise
    bool log_features = false;  ///< sees sign(x) ln(1 + |x|) of the features, which is then scaled

    // Of kinds that read particles; the others have the defaults.
    std::vector<std::string> particles = {};  ///< columns of a particle, see particle_row.hpp
    std::uint32_t max_particles = 32;         ///< of an event with more those with the highest pT
    std::uint32_t width = 32;                 ///< of what is kept of a particle, or of a pair
    std::uint32_t blocks = 2;      ///< layers of deep_sets, rounds of messages of the others
    std::uint32_t heads = 4;       ///< of the attention of a transformer
    std::uint32_t neighbours = 0;  ///< of a particle in a graph; 0: all others
    bool beams = false;  ///< two particles along the beam, which break boosts and rotations
    bool operator==(const Network&) const = default;
};

inline constexpr std::uint32_t most_particles = 128;

/// Pairs of particles whose products are seen as features.
constexpr std::uint64_t gram_size(const Network& network) {
    return network.gram < 2 ? 0 : std::uint64_t{network.gram} * (network.gram - 1) / 2;
}

/// Networks that look at the particle lists of events in any way.
constexpr bool reads_lists(const Network& network) {
    return reads_particles(network.kind) || network.gram > 0;
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, Network>& value) {
    visit("kind", value.kind);
    visit("inputs", value.inputs, Key{.in_campaign = false});
    visit(
        "hidden", value.hidden,
        Key{.whole = {1, 65536}, .otherwise = "[256, 256, 256, 256]; with particle lists [width]"});
    visit("activation", value.activation);
    visit("outputs", value.outputs, Key{.in_campaign = false});
    visit("layer_norm", value.layer_norm,
          Key{.useless = reads_particles(value.kind)
                             ? "only kinds that read no particle lists have it as an option"
                             : "",
              .written = value.layer_norm});
    visit("gram", value.gram,
          Key{.whole = {0, 8},
              .useless = reads_particles(value.kind)
                             ? "only kinds that read no particle lists otherwise have it"
                             : "",
              .written = value.gram > 0});
    visit("log_features", value.log_features, Key{.written = value.log_features});
    if (!reads_particles(value.kind)) return;  // files and digests of the others know none of it
    visit("particles", value.particles, Key{.searched = false});
    visit("max_particles", value.max_particles,
          Key{.whole = {1, most_particles}, .searched = false});
    visit("width", value.width, Key{.whole = {1, 4096}});
    visit("blocks", value.blocks, Key{.whole = {1, 16}});
    visit("heads", value.heads, Key{.whole = {1, 64}});
    visit("neighbours", value.neighbours, Key{.whole = {0, most_particles}});
    visit("beams", value.beams);
}

/// How the nets of an ensemble become one ratio.
enum class Combine : std::uint8_t {
    mean_log_ratio,  ///< geometric mean of the members' ratios
    mean_ratio,      ///< arithmetic mean
};
template <>
inline constexpr auto enum_words<Combine> = words("mean_log_ratio", "mean_ratio");

/// One named block inside the flat parameter row of a net.
struct ParameterBlock {
    std::string name;                  ///< "feature_shift", "feature_scale", "layer0.weight", ...
    std::vector<std::uint64_t> shape;  ///< row-major; weights are [outputs, inputs]
    std::uint64_t offset = 0;          ///< in elements from the start of the row

    std::uint64_t size() const;
    bool operator==(const ParameterBlock&) const = default;
};

/// The row of one net: feature_shift and feature_scale [scaled_inputs()] (the net sees
/// (x - shift) * scale), then what is trained: weight and bias of each layer, the last with
/// `outputs`. Everything needed to evaluate the net on raw features is in its row.
std::vector<ParameterBlock> parameter_layout(const Network& network);

/// Elements in the row, scaling included.
std::uint64_t row_size(const Network& network);

/// Weights and biases only: what the optimizer moves. They are the last part of the row.
std::uint64_t trainable_size(const Network& network);

/// Numbers of an event that have a shift and scale of their own: its features and products of
/// network.gram, or, of kinds that read particles, its features, its multiplicity, the columns of a
/// particle and its momentum.
std::uint64_t scaled_inputs(const Network& network);

/// Floating-point operations of one evaluation of one event (multiply and add count as two), with
/// max_particles if it reads them.
double forward_flop(const Network& network);

/// Numbers that one event needs in a forward pass that is to be differentiated.
double pass_numbers(const Network& network);

}  // namespace ratiofarm
