#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "campaign/made_from.hpp"

namespace ratiofarm {

/// How well one set of bins, or all of them, agree with the best fit.
struct GofTest {
    std::string region;      ///< empty: the whole likelihood
    std::string observable;  ///< "contents", "d ln D / d mu", a feature, or "all"
    double deviance = 0.0;   ///< 2 (NLL - NLL of the saturated model)
    double ndf = 0.0;        ///< of the asymptotic p-value
    double p_asymptotic = 0.0;
    double p_value = 0.0;            ///< fraction of toys with a deviance at least as large
    double p_error = 0.0;            ///< of that, from the number of toys
    std::vector<double> edges = {};  ///< inner edges, where the bins are of an observable
    std::vector<double> observed = {};
    std::vector<double> expected = {};  ///< at the best fit
};

/// What gof.json holds.
struct GofRecord {
    std::string campaign;
    std::string data;  ///< what was fitted, in words
    std::string poi;
    double best = 0.0;         ///< of the poi: the truth of the toys, others at their best, too
    std::uint64_t toys = 0;    ///< that converged
    std::uint64_t failed = 0;  ///< that did not, and are left out
    std::vector<GofTest> tests = {};
    MadeFrom made_from = {};
    std::vector<std::string> warnings = {};
};

/// JSON text, to be sealed; see docs/formats.md.
std::string gof_json(const GofRecord& record);

/// \throws DataError if it is another format or a key is missing
GofRecord parse_gof_json(std::string_view text);

/// The table for people.
std::string gof_text(const GofRecord& record);

}  // namespace ratiofarm
