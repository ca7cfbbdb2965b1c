#include "ratiofarm/core/mapped_file.hpp"

#include <cerrno>
#include <cstdint>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

#include "unique_fd.hpp"

namespace ratiofarm {

FileStamp stamp_of(const std::filesystem::path& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
        throw SystemError(fmt::format("cannot examine '{}'", path.string()), errno);
    }
    constexpr std::uint64_t second = 1'000'000'000;
    return {.inode = status.st_ino,
            .bytes = static_cast<std::uint64_t>(status.st_size),
            .modified = static_cast<std::uint64_t>(status.st_mtim.tv_sec) * second +
                        static_cast<std::uint64_t>(status.st_mtim.tv_nsec)};
}

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
    const auto fail = [&](const char* action, int error) {
        throw SystemError(fmt::format("cannot {} '{}'", action, path.string()), error);
    };
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) fail("open", errno);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) fail("examine", errno);
    const auto size = static_cast<std::size_t>(status.st_size);
    void* data = size == 0 ? nullptr : ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
    if (data == MAP_FAILED) fail("map", errno);
    bytes_ = {static_cast<const std::byte*>(data), size};
}

MappedFile::~MappedFile() {
    if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)), bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(bytes_, other.bytes_);
    return *this;
}

void MappedFile::check_range(std::size_t offset,
                             std::size_t count,
                             std::size_t size,
                             std::size_t alignment) const {
    const bool fits = offset <= bytes_.size() && count <= (bytes_.size() - offset) / size;
    if (!fits) {
        throw SystemError(fmt::format(
            "'{}' is shorter than expected: {} values of {} bytes at offset {} do not fit into its "
            "{} bytes; it was truncated or rewritten while in use: run the same command again",
            path_.string(), count, size, offset, bytes_.size()));
    }
    if (reinterpret_cast<std::uintptr_t>(bytes_.data() + offset) % alignment != 0) {
        throw DataError(fmt::format("'{}': values at offset {} are not aligned to {} bytes",
                                    path_.string(), offset, alignment));
    }
}

}  // namespace ratiofarm
