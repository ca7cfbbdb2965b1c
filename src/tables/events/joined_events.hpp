#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace ratiofarm {

/// Samples of one events file; all of them unless some are named.
struct EventsPart {
    std::filesystem::path file;
    std::vector<std::string> samples;
    std::string as = {};  ///< what the only sample is called in the new file; empty: as it is
};

/// Not collective: for one rank. Writes samples of several events files into one, bit for bit.
/// \throws DataError if a sample is missing or two have one name; SystemError if the disk is full
void join_events(const std::filesystem::path& to, const std::vector<EventsPart>& parts);

}  // namespace ratiofarm
