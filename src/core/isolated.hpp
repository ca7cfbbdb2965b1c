#pragma once

#include <functional>
#include <string>
#include <vector>

namespace ratiofarm {

/// What was read in another process.
struct IsolatedLines {
    std::vector<std::string> lines;
    std::string end;  ///< "ends the process by signal 11"; empty: in order
};

/// Runs a reader in a copy of this process and gives back its lines: damaged metadata can make the
/// HDF5 library crash, damage its memory, or run for ever.
/// \param read does not throw; its lines hold no NUL
/// \param most_seconds of the processor, after which it is ended; 0: never
/// \throws SystemError if there can be no other process
IsolatedLines lines_of_isolated(const std::function<std::vector<std::string>()>& read,
                                unsigned most_seconds);

}  // namespace ratiofarm
