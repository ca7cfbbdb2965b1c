#pragma once

#include <filesystem>

#include "campaign/campaign.hpp"
#include "tables/ratios/patch_file.hpp"

#include "bundle.hpp"

/// A signal that a campaign did not know: a process more, outside the reference.
namespace ratiofarm {

/// The campaign with the process and its parameters, which begin at 0 where their range allows it;
/// the first of them becomes the parameter of interest.
/// \throws ConfigError for a name that exists, a coefficient with a parameter that nobody declared
Campaign with_process(Campaign campaign, const PatchHeader& process);

/// Where a command finds a bundle with a patch.
struct PatchedBundle {
    std::filesystem::path campaign;
    std::filesystem::path ratios;
};

/// For one rank. Writes campaign and ratios of a bundle with a patch into a run directory, which is
/// named after both if it is empty.
/// \throws DataError for a patch of another bundle, or without support
PatchedBundle apply_patch(const Bundle& bundle,
                          const std::filesystem::path& patch,
                          std::filesystem::path& out,
                          const Log& log);

}  // namespace ratiofarm
