#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "campaign/search/search_plan.hpp"
#include "pipeline/found_campaign.hpp"
#include "store/journal.hpp"
#include "store/run_directory.hpp"

/// What `plan` and `status` say about a search; nothing for a campaign without.
namespace ratiofarm {

/// Workers that a plan is made for.
struct PlannedWorkers {
    double gflops = 40.0;  ///< sustained by one
    double count = 1.0;
};

std::string search_cost_text(const SearchCost& cost, const PlannedWorkers& workers);
nlohmann::ordered_json search_cost_json(const SearchCost& cost);

std::string search_status_text(const RunDirectory& directory, const JournalState& journal);

/// {tasks, over, trial}; null without a search.
nlohmann::ordered_json search_status_json(const RunDirectory& directory,
                                          const JournalState& journal);

/// How far the selection of a run is, judged only by its files.
struct SelectionStatus {
    bool done = false;       ///< it exists and belongs to this campaign
    std::uint64_t nets = 0;  ///< of the preselection that are trained
    std::string regions;     ///< selection_text() if the selection is done

    std::string text() const;
};

/// \return nothing if the campaign selects no events
std::optional<SelectionStatus> selection_status(const RunDirectory& directory);

/// Nets of the preselection that the journal knows.
std::uint64_t count_preselection_nets(const JournalState& journal);

}  // namespace ratiofarm
