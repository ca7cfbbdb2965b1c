#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "core/unique_fd.hpp"

namespace ratiofarm {

/// Appends lines to a file; they become durable in groups, by flush().
class LineFile {
public:
    /// Opens for appending behind the last complete line; what was torn is cut off.
    /// \throws SystemError
    LineFile(std::filesystem::path path, std::uint64_t good_bytes);

    void append(const std::string& line);  ///< without the newline

    /// Writes and syncs the lines collected so far. What could not be written is kept for the next
    /// call.
    /// \throws SystemError (disk full, the folder was removed, ...)
    void flush();

    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
    UniqueFd file_;
    std::string pending_;
};

}  // namespace ratiofarm
