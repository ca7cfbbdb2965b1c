#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ratiofarm/core/enum_words.hpp"
#include "ratiofarm/core/wire.hpp"

namespace ratiofarm {

/// What a search tries to make small, on validation events. Over processes, and of the loss over
/// members, the mean counts; the others are those of the members' mean ratio. A net that diverged,
/// or whose number is not finite, is worse than all others.
enum class SearchObjective : std::uint8_t {
    loss,         ///< validation loss of the weights that are kept
    excess,       ///< |E_ref[r] - 1| of the mean ratio of the members
    closure,      ///< deviation of the reweighted denominator, rms over the features
    calibration,  ///< |slope - 1| of the calibration curve
    sigma,        ///< expected error of the parameter of interest, by a quick fit
    coverage,     ///< how much less often than at 68.27 % its interval holds the truth
};
template <>
inline constexpr auto enum_words<SearchObjective> =
    words("loss", "excess", "closure", "calibration", "sigma", "coverage");

/// What is shown against the objective; it decides only what nsga2 proposes.
enum class SecondObjective : std::uint8_t {
    none,
    cost,  ///< planned work of the trial up to the rung
    loss,
    excess,
    closure,
    calibration,
    sigma,
    coverage,
};
template <>
inline constexpr auto enum_words<SecondObjective> =
    words("none", "cost", "loss", "excess", "closure", "calibration", "sigma", "coverage");

/// Where settings come from.
enum class SearchSampler : std::uint8_t {
    random,
    sobol,     ///< points that fill the space evenly
    tpe,       ///< tree-structured Parzen estimator: learns from the trials before
    cmaes,     ///< evolution strategy with an adapted covariance matrix
    nsga2,     ///< genetic algorithm for two objectives
    external,  ///< a program of the user
};
template <>
inline constexpr auto enum_words<SearchSampler> =
    words("random", "sobol", "tpe", "cmaes", "nsga2", "external");

/// How values of a parameter are drawn.
enum class SearchKind : std::uint8_t {
    uniform,
    log_uniform,
    integer,  ///< whole numbers, both ends included
    log_integer,
    choice,
};
template <>
inline constexpr auto enum_words<SearchKind> =
    words("uniform", "log_uniform", "integer", "log_integer", "choice");

inline bool is_whole(SearchKind kind) {
    return kind == SearchKind::integer || kind == SearchKind::log_integer;
}
inline bool is_logarithmic(SearchKind kind) {
    return kind == SearchKind::log_uniform || kind == SearchKind::log_integer;
}

/// The key that is searched beside those of [network] and [training].
inline constexpr std::string_view members_key = "ensemble.members";

/// One key of [network] or [training], or members_key, that is searched.
struct SearchParameter {
    std::string key;  ///< "training.learning_rate"
    SearchKind kind = SearchKind::uniform;
    double low = 0.0;
    double high = 0.0;
    std::vector<std::string> choices = {};  ///< values as TOML text
    std::string when_key = {};              ///< it is used only if this parameter, a choice, has
    std::vector<std::string> when_values = {};  ///< one of these; empty: always
    bool operator==(const SearchParameter&) const = default;
};

/// Values of searched keys as TOML text: {"training.learning_rate", "0.00123"}, in the order of
/// SearchSection::parameters, without those that are not used.
using SearchSetting = std::vector<std::pair<std::string, std::string>>;

/// [search]: settings from a sampler, asynchronous successive halving.
struct SearchSection {
    std::uint32_t trials = 32;
    std::uint32_t reduction = 3;   ///< of each rung the best 1 / reduction goes on
    std::uint32_t first_rung = 2;  ///< epochs of the first rung, at least
    std::uint32_t parallel = 8;    ///< virtual workers that decisions are made for, whatever the
                                   ///< number of ranks
    SearchObjective objective = SearchObjective::loss;
    std::vector<std::string> processes;  ///< whose nets are trained in a trial; empty: all
    std::uint32_t members = 1;           ///< nets of each process in a trial, at the last rung
    std::uint32_t first_members = 100;   ///< likewise at the first rung; more than there are: all
    SecondObjective second_objective = SecondObjective::none;
    SearchSampler sampler = SearchSampler::random;
    std::string command = {};       ///< of an external sampler
    std::uint32_t generation = 10;  ///< points that it is asked for at a time; parents of nsga2
    double timeout_seconds = 600.0;
    double cost_limit = 0.0;  ///< in trainings of the campaign's own setting; 0: none
    std::vector<SearchSetting> points = {};  ///< tried first
    std::vector<SearchParameter> parameters;

    bool learns() const {
        return sampler != SearchSampler::random && sampler != SearchSampler::sobol;
    }
    /// Whether trials differ in their members.
    bool searches_members() const {
        return std::ranges::find(parameters, members_key, &SearchParameter::key) !=
               parameters.end();
    }
    /// Whether nets are judged by the likelihood that they make together.
    bool judges_likelihood() const {
        return objective >= SearchObjective::sigma || second_objective >= SecondObjective::sigma;
    }
    /// Whether all trials are compared at equal epochs, generation by generation.
    bool evolves() const {
        return sampler == SearchSampler::cmaes || sampler == SearchSampler::nsga2;
    }
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
    visit("members", value.members,
          Key{.whole = {1, 100},
              .written =
                  value.members > 1 || (value.first_members < 100 && !value.searches_members())});
    visit("first_members", value.first_members,
          Key{.whole = {1, 100}, .otherwise = "all of them", .written = value.first_members < 100});
    visit("second_objective", value.second_objective,
          Key{.written = value.second_objective != SecondObjective::none});
    visit("sampler", value.sampler, Key{.written = value.sampler != SearchSampler::random});
    const bool external = value.sampler == SearchSampler::external;
    const bool genetic = value.sampler == SearchSampler::nsga2;
    const char* no_use = external ? "" : "only sampler = \"external\" runs a command";
    visit("command", value.command,
          Key{.required = external ? "the program that proposes points, for example command = "
                                     "\"python3 steering.py %IN %OUT\""
                                   : "",
              .useless = no_use,
              .written = external});
    visit("generation", value.generation,
          Key{.whole = {1, trials.high},
              .useless = external || genetic ? "" : "only the samplers external and nsga2 use it",
              .written = external || genetic});
    visit("timeout_seconds", value.timeout_seconds,
          Key{.number = above_zero, .useless = no_use, .written = external});
    visit("cost_limit", value.cost_limit,
          Key{.number = {.low = 0.0}, .written = value.cost_limit > 0.0});
    visit("points", value.points, Key{.written = false, .by_hand = true});
    visit("parameters", value.parameters, Key{.written = false, .by_hand = true});
}

}  // namespace ratiofarm
