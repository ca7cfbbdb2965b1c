#pragma once

#include <chrono>
#include <optional>

#include "ratiofarm/core/log.hpp"
#include "ratiofarm/mpi/communicator.hpp"

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

}  // namespace ratiofarm
