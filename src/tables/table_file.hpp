#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "ratiofarm/h5/file.hpp"

/// What all tables share: root attributes `format`, `version` and `checksum`, written last. They
/// say that the file is complete.
namespace ratiofarm {

struct TableKind {
    std::string_view format;
    std::uint64_t version;
};

/// Writes `version` and `format`, then `checksum` over all attributes of the file.
void seal(const h5::File& file, const TableKind& kind);

/// Opens a table and checks its seal. The checksum may be missing in files written by others.
/// \throws DataError naming the path: missing, truncated, another format, an unknown version, a
///         damaged header
h5::File open_table(const std::filesystem::path& path, const TableKind& kind);

/// True if the attributes are protected by a checksum.
bool has_checksum(const h5::File& file);

/// "<path>.partial", where a table lies until it is complete.
std::filesystem::path partial_path(const std::filesystem::path& path);

}  // namespace ratiofarm
