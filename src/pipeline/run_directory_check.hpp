#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "ratiofarm/core/digest.hpp"

#include "store/run_directory.hpp"

namespace ratiofarm {

/// What the check found in one file of a run directory.
struct CheckedFile {
    std::string file;                   ///< relative to the run directory
    bool known = true;                  ///< false: not a file that ratiofarm wrote; not looked at
    std::vector<std::string> problems;  ///< empty: not a bit has changed
    std::vector<std::pair<std::string, Digest>> datasets;  ///< of a table without problems
};

/// Reads every file in full and compares it with the checksums it carries, task files also with the
/// journals. Takes no lock: a file that changes or goes while it is read is looked at again, one
/// that is being written (`.partial`) is left out.
/// \return by name
std::vector<CheckedFile> check_run_directory(const RunDirectory& directory);

/// What is wrong with a table or a sealed text of a run, read in full; empty: nothing.
std::vector<std::string> check_product(const RunDirectory& directory,
                                       const std::filesystem::path& path);

/// Files that were there by what the journals and later products say, and are not: results of
/// trainings ("tasks/3f/... of S/member 0"), ensembles that ratios.h5 was made of. Nothing is lost:
/// `ratiofarm run` makes them again.
std::vector<std::string> missing_files(const RunDirectory& directory);

}  // namespace ratiofarm
