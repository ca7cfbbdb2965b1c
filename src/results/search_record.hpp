#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "campaign/search/search_plan.hpp"

namespace ratiofarm {

/// How much of the variance of the objective at the first rung, which all trials reached, the means
/// in bins of one parameter explain, chance subtracted: 1 - (variance within bins) / (variance),
/// both per degree of freedom, at least 0. A parameter has ten bins of equal numbers of trials, or
/// fewer so that there are three in each, or one for each value if these are as few; trials that do
/// not use it have one of their own.
struct ParameterImportance {
    std::string key;
    double importance = 0.0;
};

/// What a finished search found: search.json. It does not depend on the time or the number of
/// ranks.
struct SearchRecord {
    struct Rung {
        double objective = 0.0;        ///< infinite for a failure
        std::optional<double> second;  ///< the second objective, likewise
        double flop = 0.0;             ///< planned, beyond the rung before
    };
    struct Trial {
        SearchSetting setting;
        std::vector<Rung> rungs;  ///< those it was allowed to reach
    };

    Digest inputs;          ///< SearchPlan::digest
    std::string objective;  ///< as the campaign calls it
    std::string second_objective = "none";
    std::string work = "flop";  ///< what `flop` below counts: of a study, epochs
    SearchSampler sampler = SearchSampler::random;
    std::uint32_t given = 0;     ///< trials whose setting the campaign gave: the first ones
    std::uint64_t dropped = 0;   ///< points of an external sampler beyond those asked for
    std::uint64_t repeated = 0;  ///< trials with the setting of an earlier one
    std::uint32_t reduction = 0;
    std::uint32_t parallel = 0;
    std::vector<std::string> processes;
    std::vector<std::uint32_t> epochs;  ///< at the end of each rung
    std::vector<Trial> trials;
    std::vector<HalvingDecision> decisions;
    TrialRung best;
    std::vector<std::uint32_t> front;  ///< front_trials()
    std::vector<ParameterImportance> importance;
    double flop = 0.0;       ///< of all that was done
    double grid_flop = 0.0;  ///< of all trials at all epochs
};

/// What is known of every trial and rung of a search that is complete.
struct SearchScores {
    TrialScore objective;
    TrialScore second = {};  ///< if the campaign measures one
};

/// \pre the search is complete and has a best trial
SearchRecord search_record(const SearchPlan& plan,
                           const SearchSection& section,
                           const HalvingState& state,
                           const SearchScores& scores);

/// Whether there is a second objective.
inline bool has_two_objectives(const SearchRecord& record) {
    return record.second_objective != "none";
}

std::string search_json(const SearchRecord& record);

/// A row for each trial: number, values of the keys, objective after each rung, second objective
/// and work up to the last of them. What a trial does not have is empty.
std::string search_csv(const SearchRecord& record);

/// Trials of the Pareto front of objective and second objective, among those that got farthest; by
/// objective. Empty without a second objective.
std::vector<std::uint32_t> front_trials(const SearchRecord& record);

/// Of every parameter, in the order of their keys.
std::vector<ParameterImportance> parameter_importance(const SearchRecord& record);

/// \throws DataError if the text is not a search.json of this version or the one before
SearchRecord parse_search_json(const std::string& text);

/// The trials that got farthest, best first, and the cost of all. \param rows most of them
std::string search_text(const SearchRecord& record, std::size_t rows = 10);

/// "1.2e+09 FLOP, 34.1 %": the work that was done, and its part of all trials at all epochs.
std::string work_text(const SearchRecord& record);

/// Trials in the order of the text: highest rung first, then by objective there.
std::vector<std::uint32_t> ranked_trials(const SearchRecord& record);

}  // namespace ratiofarm
