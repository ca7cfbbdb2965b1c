#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "h5/file.hpp"

/// What all tables share: root attributes `format` and `version`, written last, and the dataset
/// `/metadata_crc`, u32 [1]: the CRC-32 of all bytes of the file that are not values of datasets.
/// It is compared before HDF5 reads an attribute, because HDF5 1.10 can hang on damaged ones.
namespace ratiofarm {

struct TableKind {
    std::string_view format;
    std::uint64_t version;           ///< written, and the newest that is read
    std::uint64_t oldest = version;  ///< that is read as well
};

/// Makes the empty dataset of the checksum. For one rank.
void create_metadata_checksum(const h5::File& file);

/// Writes `version` and `format`. For one rank.
void write_kind(const h5::File& file, const TableKind& kind);

/// Fills in the checksum of a file that is closed and otherwise complete. For one rank.
void write_metadata_checksum(const std::filesystem::path& path);

/// True for the path of that dataset.
bool is_metadata_checksum(std::string_view path);

/// Opens a table and checks its metadata, if they have a checksum: files written by others may not.
/// \throws DataError naming the path: missing, truncated, damaged metadata
h5::File open_checked(const std::filesystem::path& path);

/// Opens a table of a certain kind.
/// \throws DataError as open_checked(), or if it has another format or an unknown version
h5::File open_table(const std::filesystem::path& path, const TableKind& kind);

/// "<path>.partial", where a table lies until it is complete.
std::filesystem::path partial_path(const std::filesystem::path& path);

}  // namespace ratiofarm
