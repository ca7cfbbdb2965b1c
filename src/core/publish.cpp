#include "publish.hpp"

#include <cerrno>
#include <fstream>
#include <new>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

#include "unique_fd.hpp"

namespace ratiofarm {
namespace {

namespace fs = std::filesystem;

UniqueFd open_file(const fs::path& path, int flags) {
    return UniqueFd(::open(path.c_str(), flags | O_CLOEXEC, 0644));
}

[[noreturn]] void fail(std::string_view action, const fs::path& path) {
    throw SystemError(fmt::format("cannot {} '{}'", action, path.string()), errno);
}

void write_all(int fd, std::span<const std::byte> content, const fs::path& path) {
    while (!content.empty()) {
        const ssize_t written = ::write(fd, content.data(), content.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail("write", path);
        content = content.subspan(static_cast<std::size_t>(written));
    }
}

void sync_folder(const fs::path& file) {
    const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
    const UniqueFd descriptor = open_file(folder, O_RDONLY | O_DIRECTORY);
    if (!descriptor) fail("open folder", folder);
    // Some network file systems refuse to sync a folder; the rename itself has happened.
    if (::fsync(descriptor.get()) != 0 && errno != EINVAL) fail("sync folder", folder);
}

/// A device or a pipe would be replaced by a rename.
void expect_regular(const fs::path& path) {
    std::error_code unknown;
    const auto status = fs::status(path, unknown);
    if (!fs::exists(status) || fs::is_regular_file(status)) return;
    throw SystemError("'" + path.string() + "' is there, and is no regular file");
}

/// Nothing that is read as a whole is larger than the memory, but a damaged file may be.
template <class Content>
Content of_size(std::uintmax_t size, const fs::path& path) {
    const auto memory = static_cast<std::uintmax_t>(::sysconf(_SC_PHYS_PAGES)) *
                        static_cast<std::uintmax_t>(::sysconf(_SC_PAGESIZE));
    try {
        if (size < memory) return Content(size, {});
    } catch (const std::bad_alloc&) {  // of a limit below that
    }
    throw DataError(
        fmt::format("'{}' has {} bytes, more than there is memory", path.string(), size));
}

template <class Content>
Content read_whole(const fs::path& path) {
    const auto fail = [&](int error) {
        throw_unreadable(fmt::format("cannot read '{}'", path.string()), error);
    };
    std::error_code error;
    const auto size = fs::file_size(path, error);
    if (error) fail(error.value());
    std::ifstream file(path, std::ios::binary);
    auto content = of_size<Content>(size, path);
    if (!file) fail(errno);
    file.read(reinterpret_cast<char*>(content.data()), static_cast<std::streamsize>(size));
    if (file.eof()) throw SystemError("'" + path.string() + "' became shorter while it was read");
    if (!file) fail(errno);
    return content;
}

}  // namespace

void publish(const fs::path& path, std::span<const std::byte> content) {
    expect_regular(path);
    std::error_code ignored;
    if (path.has_parent_path()) fs::create_directories(path.parent_path(), ignored);
    const fs::path partial = path.string() + fmt::format(".{}.partial", ::getpid());
    try {
        ::unlink(partial.c_str());  // of an earlier process with this id; a link is not followed
        UniqueFd file = open_file(partial, O_WRONLY | O_CREAT | O_EXCL);
        if (!file) fail("create", partial);
        write_all(file.get(), content, partial);
        if (::fsync(file.get()) != 0) fail("sync", partial);
        if (file.close() != 0) fail("close", partial);
        if (::rename(partial.c_str(), path.c_str()) != 0) fail("rename to", path);
    } catch (...) {
        ::unlink(partial.c_str());
        throw;
    }
    sync_folder(path);
}

void publish(const fs::path& path, std::string_view content) {
    publish(path, std::as_bytes(std::span(content)));
}

void publish_file(const fs::path& partial, const fs::path& path) {
    expect_regular(path);
    {
        const UniqueFd file = open_file(partial, O_RDONLY);
        if (!file) fail("open", partial);
        if (::fsync(file.get()) != 0) fail("sync", partial);
    }
    if (::rename(partial.c_str(), path.c_str()) != 0) fail("rename to", path);
    sync_folder(path);
}

std::vector<std::byte> read_file(const fs::path& path) {
    return read_whole<std::vector<std::byte>>(path);
}

std::string read_text(const fs::path& path) { return read_whole<std::string>(path); }

}  // namespace ratiofarm
