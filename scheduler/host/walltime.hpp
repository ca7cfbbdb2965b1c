#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace ratiofarm {

using Instant = std::chrono::steady_clock::time_point;

inline Instant::duration duration_of(double seconds) {
    return std::chrono::duration_cast<Instant::duration>(std::chrono::duration<double>(seconds));
}

/// Seconds of a duration as Slurm writes them: M, M:SS, H:MM:SS, D-H, D-H:MM, D-H:MM:SS. Nothing
/// for UNLIMITED, INVALID and all other words.
std::optional<double> parse_slurm_duration(std::string_view text);

/// The time limit of this batch job.
struct Walltime {
    std::optional<Instant> end;  ///< nothing outside a job or without a limit
    std::string warning;         ///< the environment says what cannot be
};

/// When this batch job must have ended, with some slack (5 % of what is left, at most a minute).
/// Looks at SLURM_JOB_END_TIME, otherwise asks squeue once, which starts a process: call it before
/// MPI_Init and on one rank.
Walltime walltime();

/// When tasks must be told to stop so that all have checkpointed before `end`.
/// \param checkpoint_seconds  longest that was measured; 0: unknown
/// \param workers             they are stopped in waves
Instant stop_time(Instant end, double checkpoint_seconds, std::size_t workers);

/// Stops go out in waves of so many workers, so that not all checkpoints are written at once.
inline constexpr std::size_t stop_wave = 32;
/// Time between two waves.
std::chrono::duration<double> stop_wave_interval(double checkpoint_seconds);

}  // namespace ratiofarm
