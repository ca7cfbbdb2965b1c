#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace ratiofarm::h5 {

/// Bytes that an ordinary user can still write to the file system that holds (or will hold) a path.
/// \throws SystemError
std::uint64_t free_space(const std::filesystem::path& path);

/// Files and folders that can still be made there; nothing where the file system has no limit.
/// \throws SystemError
std::optional<std::uint64_t> free_files(const std::filesystem::path& path);

/// \throws SystemError (resumable) naming the bytes needed and available if they do not fit
void require_free_space(const std::filesystem::path& path, std::uint64_t bytes);

/// Makes the file system set the blocks of a whole file aside, so that later writes into it cannot
/// meet a full disk. Does nothing where the file system cannot do this.
/// \throws SystemError (resumable) if the disk is full
void reserve_blocks(const std::filesystem::path& file);

}  // namespace ratiofarm::h5
