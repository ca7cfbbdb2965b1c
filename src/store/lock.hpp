#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "ratiofarm/core/log.hpp"

#include "core/unique_fd.hpp"

namespace ratiofarm {

/// Who owns a run directory.
struct LockOwner {
    std::string host = {};
    std::uint64_t pid = 0;
    std::uint64_t process_start = 0;  ///< clock ticks since boot: tells a reused pid from the owner
    std::string job = {};             ///< batch job id, empty without one
    std::uint64_t restart = 0;        ///< restart count of the batch job
    std::string boot = {};            ///< id of the running kernel; empty in old locks
    std::uint64_t pid_space = 0;      ///< namespace that the pid counts in
};

/// The content of the lock of an owner.
std::string lock_text(const LockOwner& owner);

/// This process as an owner.
LockOwner this_owner();

/// Who holds the lock at this path, unless nobody does or its owner is known to be gone.
std::optional<LockOwner> living_owner(const std::filesystem::path& path);

/// \throws DataError if there is a lock that is not as its owner wrote it
void expect_whole_lock(const std::filesystem::path& path);

/// Exclusive use of a run directory by one farm, across hosts. The file appears whole, and its
/// owner keeps it locked with flock(). An owner that is known to be gone is replaced:
///
/// * the same batch job was queued again;
/// * it ran under this kernel, whatever the host is called (containers), and holds no flock();
///   where the file system has none, its process has ended;
/// * it ran on this host before the host was started again.
///
/// A lock that says nothing (a power failure left it empty) is replaced after 10 s.
class Lock {
public:
    /// Waits for an owner that is just ending.
    /// \param patience  seconds
    /// \throws ConfigError naming the living owner and what to do
    Lock(std::filesystem::path path, const Log& log, double patience = 15.0);
    ~Lock();  ///< removes the file, unless another farm owns it by now

    /// \throws SystemError if the file was removed, or another farm took its place: two farms must
    /// not write one journal
    void expect_held() const;

    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

private:
    bool is_held() const;

    std::filesystem::path path_;
    UniqueFd file_;
};

}  // namespace ratiofarm
