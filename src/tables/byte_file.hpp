#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "core/unique_fd.hpp"

namespace ratiofarm {

/// The bytes of a file, for several threads at once.
class ByteFile {
public:
    /// \throws DataError naming the path if it cannot be opened
    explicit ByteFile(const std::filesystem::path& path);

    /// Fills `to` from byte `offset` on.
    /// \throws DataError naming the path if it cannot be read or ends before
    void read(std::uint64_t offset, std::span<std::byte> to) const;

private:
    std::filesystem::path path_;
    UniqueFd file_;
};

}  // namespace ratiofarm
