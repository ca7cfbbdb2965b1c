#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "store/run_directory.hpp"

/// What makes a folder a run directory of ours, and which may become one.
namespace ratiofarm {

/// What a run directory holds, in the order in which it is made. `--fresh` removes what its command
/// makes, and what is made of that.
enum class Product : std::uint8_t { nets, ensembles, ratios, fit, toys, gof, report };

/// Existing files and folders of a product and of what is made of it.
std::vector<std::filesystem::path> products(const RunDirectory& directory, Product first);

/// Whether something was run in this folder: it has a campaign or a journal.
bool has_begun(const RunDirectory& directory);

/// \throws DataError  nothing was run in this folder yet
void expect_begun(const RunDirectory& directory);

/// What is written into a folder must be ours: a folder in which something was run, or one that is
/// new, empty, or holds only what `submit`, batch systems and ended programs leave.
/// \throws ConfigError  it is a file; or files of a user lie in it, with other names or with ours
void expect_run_directory(const RunDirectory& directory);

/// Where a bundle with a patch's process lies.
std::filesystem::path patched_campaign(const RunDirectory& directory);
std::filesystem::path patched_ratios(const RunDirectory& directory);

/// \throws SystemError; ConfigError where no other try will make it
void make_directory(const std::filesystem::path& path);

}  // namespace ratiofarm
