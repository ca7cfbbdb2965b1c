#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "campaign/campaign.hpp"
#include "ratiofarm/protocol/network_words.hpp"

/// The words of a campaign file for its own enumerations; those of nets and their training are in
/// core, because ensemble files use them, too.
namespace ratiofarm {

template <>
struct EnumWords<AsimovSource> {
    static constexpr std::array<std::pair<AsimovSource, std::string_view>, 2> words{
        {{AsimovSource::samples, "samples"}, {AsimovSource::reference, "reference"}}};
};

template <>
struct EnumWords<OutsideSupport> {
    static constexpr std::array<std::pair<OutsideSupport, std::string_view>, 2> words{
        {{OutsideSupport::refuse, "refuse"}, {OutsideSupport::drop, "drop"}}};
};

template <>
struct EnumWords<GuardPolicy> {
    static constexpr std::array<std::pair<GuardPolicy, std::string_view>, 2> words{
        {{GuardPolicy::go_on, "continue"}, {GuardPolicy::refuse, "refuse"}}};
};

template <>
struct EnumWords<FiniteMcMethod> {
    static constexpr std::array<std::pair<FiniteMcMethod, std::string_view>, 3> words{
        {{FiniteMcMethod::none, "none"},
         {FiniteMcMethod::replicas, "replicas"},
         {FiniteMcMethod::wifi, "wifi"}}};
};

template <>
struct EnumWords<FiniteMcUse> {
    static constexpr std::array<std::pair<FiniteMcUse, std::string_view>, 3> words{
        {{FiniteMcUse::report, "report"},
         {FiniteMcUse::nuisance, "nuisance"},
         {FiniteMcUse::inflation, "inflation"}}};
};

template <>
struct EnumWords<NullShapes> {
    static constexpr std::array<std::pair<NullShapes, std::string_view>, 2> words{
        {{NullShapes::norm_only, "norm_only"}, {NullShapes::keep, "keep"}}};
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

}  // namespace ratiofarm
