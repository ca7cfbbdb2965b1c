#pragma once

#include <filesystem>

#include "ratiofarm/core/log.hpp"

#include "store/journal.hpp"
#include "store/run_directory.hpp"

namespace ratiofarm {

/// What the journals of a run directory say to a farm that begins.
struct Journals {
    JournalState all;
    JournalState own;             ///< of the journal that this farm appends to
    bool all_farms_ended = true;  ///< in order: none was killed, none found nothing to do
};

/// A farm on everything removes damaged lines of journals that nobody appends to.
/// \throws SystemError
Journals read_each_journal(const RunDirectory& directory, const Shard& shard, const Log& log);

/// Ends the attempts of a farm that was killed, removes damaged lines and many obsolete ones.
/// \param own  what the journal says; becomes what it says then
/// \throws SystemError
void tidy_journal(const std::filesystem::path& path, JournalState& own, const Log& log);

}  // namespace ratiofarm
