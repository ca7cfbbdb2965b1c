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
#define RATIOFARM_NETWORK_KINDS(KIND)          \
    KIND(mlp)          /* layer after layer */ \
    KIND(residual_mlp) /* hidden layers of the width of the one before add to their input */

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

/// A network that maps the features of an event to one logit, or to one for each class.
struct Network {
    NetworkKind kind = NetworkKind::mlp;
    std::uint32_t inputs = 0;           ///< number of features
    std::vector<std::uint32_t> hidden;  ///< width of each hidden layer
    Activation activation = Activation::silu;
    std::uint32_t outputs = 1;  ///< 1: a density ratio; otherwise classes of a classifier
    bool operator==(const Network&) const = default;
};

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, Network>& value) {
    visit("kind", value.kind);
    visit("inputs", value.inputs, Key{.in_campaign = false});
    visit("hidden", value.hidden, Key{.whole = {1, 65536}, .otherwise = "[256, 256, 256, 256]"});
    visit("activation", value.activation);
    visit("outputs", value.outputs, Key{.in_campaign = false});
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

/// The row of one net: feature_shift [inputs], feature_scale [inputs] (the net sees
/// (x - shift) * scale), then weight and bias of each layer, the last with `outputs`. Everything
/// needed to evaluate the net on raw features is in its row.
std::vector<ParameterBlock> parameter_layout(const Network& network);

/// Elements in the row, scaling included.
std::uint64_t row_size(const Network& network);

/// Weights and biases only: what the optimizer moves. They are the last part of the row.
std::uint64_t trainable_size(const Network& network);

/// Floating-point operations of one evaluation of one event (multiply and add count as two).
double forward_flop(const Network& network);

}  // namespace ratiofarm
