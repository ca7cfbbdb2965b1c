#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "ratiofarm/core/log.hpp"
#include "ratiofarm/mpi/communicator.hpp"

#include "scheduler/host/walltime.hpp"
#include "store/run_directory.hpp"
#include "store/shard.hpp"
#include "workers/pace_watch.hpp"
#include "workers/placement.hpp"

namespace ratiofarm {

class LauncherHandle;

/// What main hands to a command, and a command to its stages.
struct RunContext {
    const mpi::Communicator& world;  ///< a single rank where the program runs without mpirun
    const Log& log;                  ///< job-wide lines: silent on all ranks but 0
    const Log& rank_log;             ///< lines that name their rank
    LauncherHandle& launcher;        ///< starts trainers; forked before MPI
    /// When the batch job must have ended; known on rank 0, nothing without a limit.
    std::optional<std::chrono::steady_clock::time_point> walltime_end = {};
};

/// How the farm works; changes no result.
struct FarmSettings {
    std::uint32_t strikes = 3;       ///< crashes after which a task is given up
    PaceLimits pace;                 ///< when a trainer counts as hung
    std::optional<Instant> stop_by;  ///< on rank 0: everything has checkpointed and stopped by then
    bool ignore_space = false;       ///< begin although the file system is too small
    Shard shard;                     ///< tasks of this farm; results of all others are not touched
    bool join = false;               ///< works beside other jobs; the shard has the job's name then
    double lease = 90.0;             ///< seconds after which a silent job counts as dead
};

/// The devices that may have trained the nets of a run, for who only asks whether they are right.
inline constexpr std::array device_classes{DeviceClass::cpu, DeviceClass::cuda};

/// Where a rank works, and how; the same on every rank but for its cores and its GPU.
struct RunPlace {
    RunDirectory directory;
    std::filesystem::path ratios;  ///< ratio file of the fit; the run directory's own by default
    DeviceClass device = DeviceClass::cpu;  ///< of nets, whose digests name it
    Placement placement;                    ///< cores and GPU of this rank
    FarmSettings farm;

    unsigned threads() const { return static_cast<unsigned>(placement.cores.size()); }
};

}  // namespace ratiofarm
