#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "store/journal.hpp"

#include "campaign_resolution.hpp"

namespace ratiofarm {

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
