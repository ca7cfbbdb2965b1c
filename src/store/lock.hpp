#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "ratiofarm/core/log.hpp"

namespace ratiofarm {

/// Who owns a run directory.
struct LockOwner {
    std::string host;
    std::uint64_t pid = 0;
    std::uint64_t process_start = 0;  ///< clock ticks since boot: tells a reused pid from the owner
    std::string job;                  ///< batch job id, empty without one
    std::uint64_t restart = 0;        ///< restart count of the batch job
};

/// This process as an owner.
LockOwner this_owner();

/// Who holds the lock at this path, unless nobody does or its owner is known to be gone.
std::optional<LockOwner> living_owner(const std::filesystem::path& path);

/// \throws DataError if there is a lock that is not as its owner wrote it; one that is just being
///         written is empty
void expect_whole_lock(const std::filesystem::path& path);

/// Exclusive use of a run directory by one farm, across hosts. An owner that is known to be gone
/// (its process has ended; the same batch job was re-queued) is replaced.
class Lock {
public:
    /// Waits for an owner that is just ending.
    /// \param patience  seconds
    /// \throws ConfigError naming the living owner and what to do
    Lock(std::filesystem::path path, const Log& log, double patience = 15.0);
    ~Lock();
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

private:
    std::filesystem::path path_;
};

}  // namespace ratiofarm
