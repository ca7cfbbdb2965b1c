#include "line_file.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

LineFile::LineFile(std::filesystem::path path, std::uint64_t good_bytes)
    : path_(std::move(path)),
      file_(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644)) {
    if (!file_ || ::ftruncate(file_.get(), static_cast<off_t>(good_bytes)) != 0) {
        throw SystemError(fmt::format("cannot open '{}'", path_.string()), errno);
    }
}

void LineFile::append(const std::string& line) { pending_ += line + '\n'; }

void LineFile::flush() {
    const auto fail = [&](const char* action) {
        throw SystemError(fmt::format("cannot {} '{}'", action, path_.string()), errno);
    };
    struct stat status = {};
    if (::fstat(file_.get(), &status) != 0) fail("look at");
    if (status.st_nlink == 0) {
        throw SystemError(fmt::format("'{}' was removed while it was written", path_.string()));
    }
    if (pending_.empty()) return;
    while (!pending_.empty()) {
        const ssize_t written = ::write(file_.get(), pending_.data(), pending_.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail("write");
        pending_.erase(0, static_cast<std::size_t>(written));
    }
    if (::fdatasync(file_.get()) != 0) fail("sync");
}

}  // namespace ratiofarm
