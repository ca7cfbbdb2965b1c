#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ratiofarm {

/// Writes bytes so that the path holds either its old content or all of the new one: temporary
/// file in the same folder, fsync, rename, fsync of the folder. Creates missing folders.
/// \throws SystemError naming path and cause (disk full, quota, read-only)
void publish(const std::filesystem::path& path, std::span<const std::byte> content);
void publish(const std::filesystem::path& path, std::string_view content);

/// Renames a complete `partial` file to its final name and makes both durable.
/// \throws SystemError
void publish_file(const std::filesystem::path& partial, const std::filesystem::path& path);

/// Whole content of a file.
/// \throws DataError naming path and cause
std::vector<std::byte> read_file(const std::filesystem::path& path);
std::string read_text(const std::filesystem::path& path);

}  // namespace ratiofarm
