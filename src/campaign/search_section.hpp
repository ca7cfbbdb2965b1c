#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ratiofarm/core/enum_words.hpp"
#include "ratiofarm/core/wire.hpp"

namespace ratiofarm {

/// What a search tries to make small, on validation events. Of several nets the mean counts; a net
/// that diverged, or whose number is not finite, is worse than all others.
enum class SearchObjective : std::uint8_t {
    loss,         ///< validation loss of the weights that are kept
    excess,       ///< |E_ref[r] - 1|
    closure,      ///< deviation of the reweighted denominator, rms over the features
    calibration,  ///< |slope - 1| of the calibration curve
    sigma,        ///< expected error of the parameter of interest, by a quick fit
};
template <>
inline constexpr auto enum_words<SearchObjective> =
    words("loss", "excess", "closure", "calibration", "sigma");

/// How values of a parameter are drawn.
enum class SearchKind : std::uint8_t {
    uniform,
    log_uniform,
    integer,  ///< whole numbers, both ends included
    choice,
};
template <>
inline constexpr auto enum_words<SearchKind> = words("uniform", "log_uniform", "integer", "choice");

/// One key of [network] or [training] that is searched.
struct SearchParameter {
    std::string key;  ///< "training.learning_rate"
    SearchKind kind = SearchKind::uniform;
    double low = 0.0;
    double high = 0.0;
    std::vector<std::string> choices;  ///< values as TOML text
    bool operator==(const SearchParameter&) const = default;
};

/// [search]: random settings, asynchronous successive halving.
struct SearchSection {
    std::uint32_t trials = 32;
    std::uint32_t reduction = 3;   ///< of each rung the best 1 / reduction goes on
    std::uint32_t first_rung = 2;  ///< epochs of the first rung, at least
    std::uint32_t parallel = 8;    ///< virtual workers that decisions are made for, whatever the
                                   ///< number of ranks
    SearchObjective objective = SearchObjective::loss;
    std::vector<std::string> processes;  ///< whose nets are trained in a trial; empty: all
    std::vector<SearchParameter> parameters;
    bool operator==(const SearchSection&) const = default;
};

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, SearchSection>& value) {
    constexpr WholeLimits trials{2, 1000};
    visit("trials", value.trials, Key{.whole = trials});
    visit("reduction", value.reduction, Key{.whole = {2, 100}});
    visit("first_rung", value.first_rung, Key{.whole = {1, 1'000'000}});
    visit("parallel", value.parallel, Key{.whole = {1, trials.high}});
    visit("objective", value.objective);
    visit("processes", value.processes,
          Key{.otherwise = "all of them", .written = !value.processes.empty()});
    visit("parameters", value.parameters, Key{.written = false, .by_hand = true});
}

}  // namespace ratiofarm
