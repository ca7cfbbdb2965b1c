#pragma once

#include <filesystem>

#include "handle.hpp"

namespace ratiofarm::h5 {

/// Whether HDF5 keeps checksums of the metadata of a file, as it does since version 1.8 where it is
/// asked to. False if it is no HDF5 file.
bool has_checked_metadata(const std::filesystem::path& path);

/// Opens a file for reading that nothing vouches for. Damaged metadata make HDF5 (1.10.8) write
/// beyond its memory, abort, or run for ever: another process opens the file first, looks at all
/// of its groups, datasets and attributes, and closes it. The texts of attributes are those that
/// it read.
/// \throws DataError naming the path if that process does not end in order, or as open_file()
File open_doubted(const std::filesystem::path& path);

}  // namespace ratiofarm::h5
