#pragma once

#include <filesystem>

#include "root_books.hpp"
#include "run_context.hpp"
#include "workspace.hpp"

/// ratios.h5 of a run directory and the campaign that it should be of.
namespace ratiofarm {

/// Whether the file exists, is sound and was made from these inputs.
bool are_ratios_of(const std::filesystem::path& path, const Digest& inputs);

/// Rank 0, for commands that train and evaluate nothing: they use the ratios of the campaign or
/// none. With the events at hand, content decides (ratios_digest(), nets of either device);
/// without, the keys of the campaign that the file says it was made from. A run directory without
/// ratios.h5, and a campaign that can make none, pass.
/// \throws DataError with every difference, whether the campaign is blind again, and the command
/// that makes the ratios again
void expect_own_ratios(const PlannedCampaign& planned,
                       const RunPlace& place,
                       const RootBooks& books,
                       const Places& places);

}  // namespace ratiofarm
