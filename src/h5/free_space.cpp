#include "free_space.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm::h5 {

namespace {

std::filesystem::path existing_part(const std::filesystem::path& path) {
    std::filesystem::path part = std::filesystem::absolute(path);
    std::error_code ignored;
    while (!std::filesystem::exists(part, ignored) && part.has_relative_path()) {
        part = part.parent_path();
    }
    return part;
}

struct statvfs status_of(const std::filesystem::path& path) {
    struct statvfs status {};
    const std::filesystem::path place = existing_part(path);
    if (statvfs(place.c_str(), &status) != 0) {
        throw SystemError("cannot ask for the free space of '" + place.string() + "'", errno);
    }
    return status;
}

/// fallocate() of the bytes the file already claims to have; 0 or errno.
int reserve(const std::filesystem::path& file) {
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
    if (descriptor < 0) return errno;
    const auto size = static_cast<off_t>(std::filesystem::file_size(file));
    int problem = 0;
    do {
        problem = fallocate(descriptor, 0, 0, size) == 0 ? 0 : errno;
    } while (problem == EINTR);
    ::close(descriptor);
    return problem;
}

}  // namespace

std::uint64_t free_space(const std::filesystem::path& path) {
    const struct statvfs status = status_of(path);
    return std::uint64_t{status.f_bavail} * std::uint64_t{status.f_frsize};
}

std::optional<std::uint64_t> free_files(const std::filesystem::path& path) {
    const struct statvfs status = status_of(path);
    if (status.f_files == 0) return std::nullopt;
    return std::uint64_t{status.f_favail};
}

void require_free_space(const std::filesystem::path& path, std::uint64_t bytes) {
    const std::uint64_t available = free_space(path);
    if (bytes <= available) return;
    throw SystemError("not enough space for '" + path.string() + "': " + std::to_string(bytes) +
                      " bytes are needed, " + std::to_string(available) +
                      " are available; free some and run the same command again");
}

void reserve_blocks(const std::filesystem::path& file) {
    const int problem = reserve(file);
    if (problem == ENOSPC || problem == EDQUOT) {
        throw SystemError("cannot reserve the blocks of '" + file.string() + "'", problem);
    }
    // Everything else means that this file system cannot reserve; each write is checked anyway.
}

}  // namespace ratiofarm::h5
