#pragma once

#include <cerrno>
#include <cstring>
#include <string>

#include <sys/mount.h>

#include "ratiofarm_test/temporary_directory.hpp"

namespace ratiofarm::test {

/// A file system in memory that is soon full. Mounting needs root; without it `problem` says why.
class SmallDisk {
public:
    /// \param size as mount takes it, "1m"
    explicit SmallDisk(const std::string& size) {
        const std::string options = "size=" + size;
        if (mount("none", folder_.path().c_str(), "tmpfs", 0, options.c_str()) != 0) {
            problem_ = std::string("cannot mount a small file system: ") + std::strerror(errno);
        }
    }
    ~SmallDisk() {
        if (is_mounted()) umount2(folder_.path().c_str(), MNT_DETACH);
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    SmallDisk(SmallDisk&&) = delete;
    SmallDisk& operator=(SmallDisk&&) = delete;

    bool is_mounted() const { return problem_.empty(); }
    const std::string& problem() const { return problem_; }
    const std::filesystem::path& path() const { return folder_.path(); }

private:
    TemporaryDirectory folder_;
    std::string problem_;
};

}  // namespace ratiofarm::test
