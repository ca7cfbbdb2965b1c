#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/task_progress.hpp"

#include "run_directory.hpp"

namespace ratiofarm {

/// A task that a worker is at.
struct RunningTask {
    std::string name;
    std::uint64_t worker = 0;
    TaskProgress progress;
};

/// What a farm is doing, for who watches it. Nothing depends on it.
struct FarmProgress {
    std::uint64_t done = 0;   ///< of all tasks of the stage
    std::uint64_t there = 0;  ///< of them, before this farm began
    std::uint64_t running = 0;
    std::uint64_t waiting = 0;
    std::uint64_t failed = 0;
    std::uint64_t claimable = 0;  ///< waiting, and another job could claim them
    double seconds = 0.0;         ///< since the farm began
    double busy_seconds = 0.0;    ///< over all workers
    double fraction = 0.0;        ///< of the expected work, 0 to 1
    double brought = 0.0;         ///< of that, by results and checkpoints of earlier farms
    std::vector<RunningTask> tasks = {};

    std::uint64_t all() const { return done + running + waiting + failed; }
    /// Seconds; nothing before this farm has done a percent of the work.
    std::optional<double> left() const {
        const double own = fraction - brought;
        if (!(own > 0.01)) return std::nullopt;
        return seconds * (1.0 - fraction) / own;
    }
    /// "12 of 48 done (3 already there), 2 running, 34 waiting; 23 %, 12 min left, 0.31
    /// worker-hours", the hours only where there is room for them.
    std::string text(std::size_t columns = std::string::npos) const;
};

/// The file beside a journal in which its farm tells its progress: progress.json, or that of a
/// shard.
std::filesystem::path progress_file(const std::filesystem::path& journal);

/// Replaces the file. Not synced, and without a word where that fails: the farm goes on.
void write_progress(const std::filesystem::path& path, const FarmProgress& progress);

/// What the file says, and how many seconds ago it was written; nothing if there is none.
struct SeenProgress {
    FarmProgress progress;
    double age = 0.0;
    std::string farm = {};  ///< "shard-0-of-4", "job-1234"; empty: it works by itself
};
std::optional<SeenProgress> read_progress(const std::filesystem::path& path);

/// Of the farms that hold a lock of the directory; files that a killed farm left do not count.
std::vector<SeenProgress> farms_at_work(const RunDirectory& directory);

}  // namespace ratiofarm
