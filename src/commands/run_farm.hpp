#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ratiofarm/core/log.hpp"
#include "ratiofarm/farm/task.hpp"
#include "ratiofarm/farm/task_runner.hpp"
#include "ratiofarm/mpi/communicator.hpp"
#include "ratiofarm/store/journal.hpp"

namespace ratiofarm {

/// How a farm ended; the same on every rank.
struct FarmEnd {
    std::uint64_t done = 0;
    std::uint64_t failed = 0;           ///< given up for good
    std::uint64_t left = 0;             ///< not done because the farm was asked to stop
    std::vector<std::string> failures;  ///< "name: reason", on rank 0
};

/// Collective over world: rank 0 schedules, every rank works. Returns when every task is done,
/// given up, or left because a signal asked to stop.
/// \param tasks on rank 0; ignored elsewhere
/// \param journal on rank 0; null elsewhere
FarmEnd run_farm(const mpi::Communicator& world,
                 std::vector<Task> tasks,
                 TaskRunner& runner,
                 Journal* journal,
                 const Log& log);

}  // namespace ratiofarm
