#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "ratiofarm/core/wire.hpp"

namespace ratiofarm {

/// Which bytes a file had when it was looked at; the same on all nodes that share it.
struct FileStamp {
    std::uint64_t inode = 0;  ///< 0: nobody looked
    std::uint64_t bytes = 0;
    std::uint64_t modified = 0;  ///< nanoseconds since the epoch
    bool operator==(const FileStamp&) const = default;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, FileStamp>& value) {
    archive(value.inode, value.bytes, value.modified);
}

/// \throws SystemError naming the path if there is no such file
FileStamp stamp_of(const std::filesystem::path& path);

/// A file mapped read-only: one copy per node in the page cache, shared by all its readers. Another
/// process found it sound: one that is gone or shorter by now has changed since, and the same
/// command, run again, makes it once more or says what is missing.
class MappedFile {
public:
    /// \throws SystemError naming the path if it cannot be opened or mapped
    explicit MappedFile(const std::filesystem::path& path);
    ~MappedFile();
    MappedFile(MappedFile&& other) noexcept;
    MappedFile& operator=(MappedFile&& other) noexcept;

    std::span<const std::byte> bytes() const { return bytes_; }

    /// `count` values of type T that start at byte `offset`.
    /// \throws SystemError if they reach beyond the end of the file; DataError if not aligned
    template <class T>
    std::span<const T> values(std::size_t offset, std::size_t count) const {
        check_range(offset, count, sizeof(T), alignof(T));
        return {reinterpret_cast<const T*>(bytes_.data() + offset), count};
    }

private:
    void check_range(std::size_t offset,
                     std::size_t count,
                     std::size_t size,
                     std::size_t alignment) const;

    std::filesystem::path path_;
    std::span<const std::byte> bytes_;
};

}  // namespace ratiofarm
