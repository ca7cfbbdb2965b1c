#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ratiofarm/tables/ratio_file.hpp"

/// A patch: one more process for the ratio file of a bundle. See docs/formats.md, "Patches".
namespace ratiofarm {

/// What a patch is.
struct PatchHeader {
    std::string bundle;                             ///< digest of the bundle it belongs to
    std::string process;                            ///< also the name of its sample
    std::string coefficient;                        ///< as in a campaign
    double yield = 0.0;                             ///< expected events at coefficient 1
    std::vector<std::string> parameters;            ///< new ones
    std::vector<std::pair<double, double>> ranges;  ///< of these
};

/// \throws DataError naming the path: missing, damaged, another format or version
PatchHeader read_patch_header(const std::filesystem::path& path);

/// For one rank. Writes what a ratio file has beyond that of a bundle: its last process.
/// \throws DataError if they differ in anything else, naming it
void write_patch(const std::filesystem::path& path,
                 const PatchHeader& header,
                 const RatioFile& bundle,
                 const RatioFile& patched);

/// For one rank. Writes the ratio file of a bundle with the process of a patch.
/// \throws DataError if the patch has other events than the bundle, or is damaged
void apply_patch(const std::filesystem::path& patch,
                 const RatioFile& bundle,
                 const std::filesystem::path& to);

}  // namespace ratiofarm
