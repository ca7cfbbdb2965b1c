#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace ratiofarm {

/// A file mapped read-only: one copy per node in the page cache, shared by all its readers.
class MappedFile {
public:
    /// \throws DataError naming the path if it cannot be opened or mapped
    explicit MappedFile(const std::filesystem::path& path);
    ~MappedFile();
    MappedFile(MappedFile&& other) noexcept;
    MappedFile& operator=(MappedFile&& other) noexcept;

    std::span<const std::byte> bytes() const { return bytes_; }

    /// `count` values of type T that start at byte `offset`.
    /// \throws DataError if they are not aligned or reach beyond the end of the file
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
