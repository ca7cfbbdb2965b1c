#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ratiofarm/campaign/campaign.hpp"
#include "ratiofarm/core/contracts.hpp"

/// The words of a campaign file for each enumeration; one table serves reading and writing.
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

template <>
struct EnumWords<AsimovSource> {
    static constexpr std::array<std::pair<AsimovSource, std::string_view>, 2> words{
        {{AsimovSource::samples, "samples"}, {AsimovSource::reference, "reference"}}};
};

template <>
struct EnumWords<GuardPolicy> {
    static constexpr std::array<std::pair<GuardPolicy, std::string_view>, 2> words{
        {{GuardPolicy::go_on, "continue"}, {GuardPolicy::refuse, "refuse"}}};
};

template <>
struct EnumWords<ShapeNorm> {
    static constexpr std::array<std::pair<ShapeNorm, std::string_view>, 3> words{
        {{ShapeNorm::none, "none"},
         {ShapeNorm::reference, "reference"},
         {ShapeNorm::reference_quadratic, "reference_quadratic"}}};
};

template <>
struct EnumWords<Interpolation> {
    static constexpr std::array<std::pair<Interpolation, std::string_view>, 5> words{
        {{Interpolation::code0, "code0"},
         {Interpolation::code1, "code1"},
         {Interpolation::code2, "code2"},
         {Interpolation::code4, "code4"},
         {Interpolation::code4p, "code4p"}}};
};

template <>
struct EnumWords<Constraint::Kind> {
    static constexpr std::array<std::pair<Constraint::Kind, std::string_view>, 3> words{
        {{Constraint::Kind::none, "none"},
         {Constraint::Kind::gaussian, "gaussian"},
         {Constraint::Kind::poisson, "poisson"}}};
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

}  // namespace ratiofarm
