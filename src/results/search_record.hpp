#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "campaign/search/search_plan.hpp"

namespace ratiofarm {

/// What a finished search found: search.json. It does not depend on the time or the number of
/// ranks. was done.
struct SearchRecord {
    struct Rung {
        double objective = 0.0;  ///< infinite for a failure
        double flop = 0.0;       ///< planned, beyond the rung before
    };
    struct Trial {
        SearchSetting setting;
        std::vector<Rung> rungs;  ///< those it was allowed to reach
    };

    Digest inputs;          ///< SearchPlan::digest
    std::string objective;  ///< as the campaign calls it
    std::uint32_t reduction = 0;
    std::uint32_t parallel = 0;
    std::vector<std::string> processes;
    std::vector<std::uint32_t> epochs;  ///< at the end of each rung
    std::vector<Trial> trials;
    std::vector<HalvingDecision> decisions;
    TrialRung best;
    double flop = 0.0;       ///< of all that was done
    double grid_flop = 0.0;  ///< of all trials at all epochs
};

/// \pre the search is complete and has a best trial
SearchRecord search_record(const SearchPlan& plan,
                           const SearchSection& section,
                           const HalvingState& state,
                           const TrialScore& score);

std::string search_json(const SearchRecord& record);

/// \throws DataError if the text is not a search.json of this version
SearchRecord parse_search_json(const std::string& text);

/// The trials that got farthest, best first, and the cost of all. \param rows most of them
std::string search_text(const SearchRecord& record, std::size_t rows = 10);

/// Trials in the order of the text: highest rung first, then by objective there.
std::vector<std::uint32_t> ranked_trials(const SearchRecord& record);

}  // namespace ratiofarm
