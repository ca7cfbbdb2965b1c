#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ratiofarm/core/log.hpp"
#include "ratiofarm/mpi/communicator.hpp"

#include "farm/task.hpp"
#include "farm/worker.hpp"
#include "scheduler/cost_model.hpp"
#include "store/claims.hpp"
#include "store/journal.hpp"

#include "walltime.hpp"

namespace ratiofarm {

/// How a farm ended; the same on every rank.
struct FarmEnd {
    std::uint64_t done = 0;
    std::uint64_t failed = 0;            ///< given up for good
    std::uint64_t left = 0;              ///< not done because the farm stopped early; claimed ones
    bool stopped = false;                ///< early: by a signal, the walltime or a full disk
    std::vector<std::string> failures;   ///< "name: reason", on rank 0
    std::string trouble;                 ///< why it stopped early by itself, on rank 0
    std::vector<TaskCommitted> commits;  ///< as written to the journal, on rank 0
};

/// Tasks of a farm's work that had results before it began.
struct TasksThere {
    std::uint64_t tasks = 0;
    std::vector<std::pair<TaskIdentity, double>> flop = {};  ///< of all tasks of a kind and family

    void add(const Task& task);
};

/// What a farm may do; only rank 0's counts.
struct FarmOptions {
    std::uint32_t strikes = 3;       ///< crashes after which a task is given up
    std::optional<Instant> stop_by;  ///< all tasks have checkpointed and stopped by then
    CostModel costs;                 ///< learned from earlier tasks
    /// Asked after each task that was done, or given up, for tasks that are known only now. Does
    /// not throw.
    std::function<std::vector<Task>(const Digest& ended, TaskOutcome how)> more;
    /// Asked often for tasks that something else than a task decides about: nothing while that is
    /// awaited, and until then the farm is not over. Does not throw.
    std::function<std::optional<std::vector<Task>>()> others;
    /// Asked before lines of the journal are written. \throws SystemError if the run directory is
    /// this farm's no more: it stops
    std::function<void()> expect_own = [] {};
    /// Of a job that joined others: it does those of the tasks that it can claim, and ends when it
    /// can claim no more. Null: it does all tasks.
    Claims* claims = nullptr;
    TasksThere there = {};  ///< for who watches
};

/// This rank's part of a farm; everything outlives it.
struct FarmRank {
    const mpi::Communicator& world;
    TaskRunner& runner;
    Journal* journal;  ///< on rank 0; null elsewhere
    const Log& log;
};

/// Collective over the rank's world: rank 0 schedules, every rank works. Returns when every task is
/// done, given up, or left because the farm stops early: a signal asked for it, its time is over,
/// or storage refuses. \param tasks on rank 0; ignored elsewhere. Their cost is in FLOP; expected
/// seconds are learned
FarmEnd run_farm(const FarmRank& rank, std::vector<Task> tasks, const FarmOptions& options);

/// run_farm() with default options.
FarmEnd run_farm(const mpi::Communicator& world,
                 std::vector<Task> tasks,
                 TaskRunner& runner,
                 Journal* journal,
                 const Log& log);

}  // namespace ratiofarm
