#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "ratiofarm/core/digest.hpp"

namespace ratiofarm {

/// Re-reads an events, ensemble or ratio file in full: format, version, sizes, every checksum.
/// Reads in a copy of this process, since damaged metadata can crash the HDF5 library. Events files
/// written by others hold no checksums; their values are checked instead.
/// \return one line per problem, naming dataset and rows; empty if the file is whole. Never throws
///         for what is wrong with the file.
std::vector<std::string> verify_file(const std::filesystem::path& path);

/// Content of each dataset: digest of element type, shape and values. Two files with equal lists
/// hold the same data, wherever and however they were written. Sorted by path; without the checksum
/// of the metadata.
/// \throws DataError if the file cannot be opened
std::vector<std::pair<std::string, Digest>> dataset_digests(const std::filesystem::path& path);

}  // namespace ratiofarm
