#pragma once

#include <filesystem>
#include <string>

#include "ratiofarm/tables/ensemble_file.hpp"

namespace ratiofarm {

/// Writes the nets of an ensemble as a safetensors file, see docs/formats.md, "Nets as
/// safetensors". One net is in memory at a time. \throws DataError if a net is damaged, SystemError
/// naming the file
void export_safetensors(const EnsembleFile& ensemble, const std::filesystem::path& path);

}  // namespace ratiofarm
