#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>

#include "results/unblinding.hpp"
#include "store/claims.hpp"
#include "store/journal.hpp"
#include "store/lock.hpp"

#include "other_farms.hpp"

namespace ratiofarm {

/// Removes the folder if it is empty.
struct RemoveEmptyFolder {
    void operator()(const std::filesystem::path* folder) const {
        std::error_code not_empty;
        std::filesystem::remove(*folder, not_empty);
        delete folder;
    }
};

/// What rank 0 keeps of a run; the others have empty ones.
struct RootBooks {
    /// The run directory, if this command made it: nothing is left where it is refused.
    std::unique_ptr<const std::filesystem::path, RemoveEmptyFolder> new_folder;
    std::unique_ptr<Lock> lock;
    std::unique_ptr<Claims> claims;    ///< of a job that joined others
    std::unique_ptr<Turn> turn;        ///< of one that does what only one of them can do
    bool left_to_others = false;       ///< other jobs do the rest
    std::optional<Blinding> blinding;  ///< of a campaign with [data].blind
    bool accept_change = false;        ///< train nets again whose part of the campaign has changed
    Digest selection;                  ///< selection_inputs(), if the campaign needs a selection
    JournalState history;              ///< of all journals
    std::unique_ptr<Journal> journal;
};

}  // namespace ratiofarm
