#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ratiofarm {

/// What a search tries to make small. Of several processes the mean counts.
enum class SearchObjective : std::uint8_t {
    loss,         ///< validation loss
    excess,       ///< |E_ref[r] - 1|
    closure,      ///< deviation of the reweighted denominator, rms over the features
    calibration,  ///< |slope - 1|
    sigma,        ///< expected error of the parameter of interest, by a quick fit
};

/// How values of a parameter are drawn.
enum class SearchKind : std::uint8_t { uniform, log_uniform, integer, choice };

/// One key of [network] or [training] that is searched, "training.learning_rate".
struct SearchParameter {
    std::string key;
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
    std::uint32_t first_rung = 2;  ///< epochs; each rung has `reduction` times those before
    std::uint32_t parallel = 8;    ///< trials under way at a time, whatever the number of ranks
    SearchObjective objective = SearchObjective::loss;
    std::vector<std::string> processes;  ///< whose nets are trained in a trial; empty: all
    std::vector<SearchParameter> parameters;
    bool operator==(const SearchSection&) const = default;
};

}  // namespace ratiofarm
