#pragma once

#include <filesystem>

#include "journal.hpp"

namespace ratiofarm {

/// A journal, with the attempts counted that no line ends: they run, or their farm was killed. How
/// long they took is known by the progress file of the farm or the last line of the journal.
JournalState read_journal_with_running(const std::filesystem::path& path);

/// Writes the ends of the attempts of a farm that was killed, and removes its progress file.
/// \param own  what the journal says; becomes what it says then
/// \throws SystemError
void end_killed_attempts(const std::filesystem::path& path, JournalState& own);

}  // namespace ratiofarm
