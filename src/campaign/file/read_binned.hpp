#pragma once

#include <optional>
#include <string>
#include <vector>

#include "campaign/binned_section.hpp"

#include "table_reader.hpp"

namespace ratiofarm {

/// Reads one [[region]] whose type is "binned". Every mistake is added with its place.
/// \param path  shown in messages, "region.CR"
/// \param parameters  declared names, which effects, factors and coefficients may use
/// \return the region as far as it could be read; usable only if no mistake was added
BinnedRegionSection read_binned_region(const ConfigNode& node,
                                       const std::string& path,
                                       const std::vector<std::string>& parameters,
                                       Mistakes& mistakes);

/// Reads [labels], which may be absent. \param root the whole file
LabelsSection read_labels(const ConfigNode& root, Mistakes& mistakes);

}  // namespace ratiofarm
