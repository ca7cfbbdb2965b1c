#pragma once

#include "campaign/search_section.hpp"
#include "ratiofarm/protocol/network_words.hpp"

namespace ratiofarm {

template <>
struct EnumWords<SearchObjective> {
    static constexpr std::array<std::pair<SearchObjective, std::string_view>, 5> words{
        {{SearchObjective::loss, "loss"},
         {SearchObjective::excess, "excess"},
         {SearchObjective::closure, "closure"},
         {SearchObjective::calibration, "calibration"},
         {SearchObjective::sigma, "sigma"}}};
};

template <>
struct EnumWords<SearchKind> {
    static constexpr std::array<std::pair<SearchKind, std::string_view>, 4> words{
        {{SearchKind::uniform, "uniform"},
         {SearchKind::log_uniform, "log_uniform"},
         {SearchKind::integer, "integer"},
         {SearchKind::choice, "choice"}}};
};

}  // namespace ratiofarm
