#include "byte_file.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

ByteFile::ByteFile(const std::filesystem::path& path)
    : path_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (!file_) throw_unreadable("cannot open '" + path.string() + "'", errno);
}

void ByteFile::read(std::uint64_t offset, std::span<std::byte> to) const {
    while (!to.empty()) {
        const ssize_t got = ::pread(file_.get(), to.data(), to.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            throw_unreadable("cannot read '" + path_.string() + "'", errno);
        }
        if (got == 0) {
            throw DataError("'" + path_.string() + "' ends at byte " + std::to_string(offset) +
                            ": it was truncated while in use");
        }
        to = to.subspan(static_cast<std::size_t>(got));
        offset += static_cast<std::uint64_t>(got);
    }
}

}  // namespace ratiofarm
