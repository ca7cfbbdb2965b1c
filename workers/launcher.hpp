#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

#include "ratiofarm/core/wire.hpp"

#include "core/unique_fd.hpp"

#include "placement.hpp"

namespace ratiofarm {

/// A running trainer and our end of its socket.
struct TrainerProcess {
    UniqueFd socket;  ///< non-blocking stream of frames
    pid_t pid = 0;
};

/// Our end of the launcher: a small process forked before MPI starts, so that trainers are
/// children of a process that never saw MPI or CUDA. It dies with its rank, and the trainers with
/// it.
class LauncherHandle {
public:
    /// No launcher: for commands that train nothing.
    LauncherHandle() = default;

    /// Forks the launcher. Call before MPI_Init and before any thread is started.
    /// \param trainer   program of the trainer
    /// \param patience  for its answers: it takes 10 s for a trainer that does not end; one that is
    ///                  stopped, or stuck in the kernel, must not hold up its rank
    /// \throws SystemError
    static LauncherHandle fork_launcher(
        std::filesystem::path trainer,
        std::chrono::milliseconds patience = std::chrono::seconds(30));

    /// Starts a trainer at a place, MPI variables scrubbed.
    /// \throws SystemError if it cannot be started
    TrainerProcess start(const Placement& placement, DeviceClass device);

    /// Waits until a trainer that closed its socket has ended.
    /// \return how: "exit code 1", "signal 9 (Killed)"
    std::string wait(const TrainerProcess& process);

    /// The program.
    const std::filesystem::path& trainer() const { return trainer_; }

private:
    std::filesystem::path trainer_;
    UniqueFd socket_;
    std::chrono::milliseconds patience_{};
};

/// The trainer that belongs to this program: RATIOFARM_TRAINER, or beside the program itself.
std::filesystem::path default_trainer();

}  // namespace ratiofarm
