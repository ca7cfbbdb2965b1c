#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "ratiofarm/core/enum_words.hpp"
#include "ratiofarm/protocol/network.hpp"
#include "ratiofarm/protocol/trainer_protocol.hpp"
#include "ratiofarm/protocol/training_options.hpp"

/// The words of networks and of their training.
namespace ratiofarm {

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

}  // namespace ratiofarm
