#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ratiofarm/tables/ratio_file.hpp"

namespace ratiofarm {

/// What of a ratio file is handed on.
struct RatioCopy {
    std::vector<std::string> sets;  ///< those of the reference among them
    bool members = false;           ///< with the ratios of single members and replicas
};

/// Not collective: for one rank. Writes some sets of a ratio file as another one, whose numbers
/// have the same bits. Reads them back and publishes it. \throws DataError if there is no such set
/// or something is damaged; SystemError (resumable) if the
///         disk is full
void copy_ratios(const RatioFile& from, const std::filesystem::path& to, const RatioCopy& copy);

}  // namespace ratiofarm
