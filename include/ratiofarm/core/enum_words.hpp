#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/network.hpp"
#include "ratiofarm/core/trainer_protocol.hpp"
#include "ratiofarm/core/training_options.hpp"

/// The words that stand for enumerators in campaign files and in attributes of tables; one list
/// serves reading and writing.
namespace ratiofarm {

template <class E>
struct EnumWords;

template <>
struct EnumWords<Activation> {
    static constexpr std::array<std::pair<Activation, std::string_view>, 4> words{
        {{Activation::relu, "relu"},
         {Activation::silu, "silu"},
         {Activation::tanh, "tanh"},
         {Activation::gelu, "gelu"}}};
};

template <>
struct EnumWords<Optimizer> {
    static constexpr std::array<std::pair<Optimizer, std::string_view>, 3> words{
        {{Optimizer::adam, "adam"}, {Optimizer::nadam, "nadam"}, {Optimizer::adamw, "adamw"}}};
};

template <>
struct EnumWords<Schedule> {
    static constexpr std::array<std::pair<Schedule, std::string_view>, 4> words{
        {{Schedule::constant, "constant"},
         {Schedule::cosine, "cosine"},
         {Schedule::step, "step"},
         {Schedule::plateau, "plateau"}}};
};

template <>
struct EnumWords<Precision> {
    static constexpr std::array<std::pair<Precision, std::string_view>, 3> words{
        {{Precision::fp32, "fp32"}, {Precision::tf32, "tf32"}, {Precision::bf16, "bf16"}}};
};

template <>
struct EnumWords<NetworkKind> {
    static constexpr std::array<std::pair<NetworkKind, std::string_view>, 2> words{
        {{NetworkKind::mlp, "mlp"}, {NetworkKind::residual_mlp, "residual_mlp"}}};
};

template <>
struct EnumWords<Scaling> {
    static constexpr std::array<std::pair<Scaling, std::string_view>, 3> words{
        {{Scaling::standard, "standard"}, {Scaling::min_max, "min_max"}, {Scaling::none, "none"}}};
};

template <>
struct EnumWords<Keep> {
    static constexpr std::array<std::pair<Keep, std::string_view>, 2> words{
        {{Keep::best, "best"}, {Keep::last, "last"}}};
};

template <>
struct EnumWords<NegativeWeights> {
    static constexpr std::array<std::pair<NegativeWeights, std::string_view>, 2> words{
        {{NegativeWeights::allow, "allow"}, {NegativeWeights::refuse, "refuse"}}};
};

template <>
struct EnumWords<CalibrationMethod> {
    static constexpr std::array<std::pair<CalibrationMethod, std::string_view>, 2> words{
        {{CalibrationMethod::none, "none"}, {CalibrationMethod::isotonic, "isotonic"}}};
};

template <>
struct EnumWords<Engine> {
    static constexpr std::array<std::pair<Engine, std::string_view>, 3> words{
        {{Engine::automatic, "auto"},
         {Engine::written, "written"},
         {Engine::autograd, "autograd"}}};
};

template <>
struct EnumWords<Combine> {
    static constexpr std::array<std::pair<Combine, std::string_view>, 2> words{
        {{Combine::mean_log_ratio, "mean_log_ratio"}, {Combine::mean_ratio, "mean_ratio"}}};
};

template <class E>
std::string word_of(E value) {
    const auto& words = EnumWords<E>::words;
    const auto found = std::find_if(words.begin(), words.end(),
                                    [&](const auto& entry) { return entry.first == value; });
    RATIOFARM_EXPECT(found != words.end());
    return std::string(found->second);
}

template <class E>
std::vector<std::string> words_of() {
    std::vector<std::string> words;
    for (const auto& entry : EnumWords<E>::words) words.emplace_back(entry.second);
    return words;
}

/// The enumerator of a word, if it is one.
template <class E>
std::optional<E> enumerator_of(std::string_view word) {
    for (const auto& [value, spelled] : EnumWords<E>::words) {
        if (spelled == word) return value;
    }
    return std::nullopt;
}

}  // namespace ratiofarm
