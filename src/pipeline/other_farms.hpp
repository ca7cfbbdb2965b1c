#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "ratiofarm/core/log.hpp"
#include "ratiofarm/mpi/communicator.hpp"

#include "store/job_watch.hpp"
#include "store/journal.hpp"
#include "store/lock.hpp"
#include "store/run_directory.hpp"

#include "run_context.hpp"

namespace ratiofarm {

// Who else works on a run directory. Called with the own lock in place.

/// Farms on different shards may work at the same time, and so may jobs that joined; a farm on
/// everything works by itself. Our own lock is already there, so of two that begin at the same time
/// at most one goes on. Removes what jobs left that were killed.
/// \throws ConfigError naming the lock and its owner
void expect_no_other_farm(const RunDirectory& directory, const Shard& shard);

/// The name of a job, by which it is told from all that ever joined: its journal appears now.
/// \throws SystemError
std::string new_job(const RunDirectory& directory);

/// Jobs share tasks by their digests, and whoever comes last makes the results: a job whose
/// campaign is another would do all of its tasks beside, or publish other numbers than they expect.
/// \param differences  of this campaign from that of the run directory, one a line
/// \throws ConfigError naming the difference
void expect_same_work(const RunDirectory& directory,
                      const Shard& mine,
                      const FarmStarted& this_farm,
                      const std::string& differences);

struct RootBooks;
struct StageEnd;

/// The right of one job among those that joined to do what only one can do: the lock of the whole
/// directory, with signs of life.
class Turn {
public:
    /// \throws ConfigError  another job has it
    Turn(const RunDirectory& directory, const Log& log, double lease);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    void expect_held() const { lock_.expect_held(); }

private:
    Lock lock_;
    std::jthread signs_;
};

/// What a job that joined others does while they have all that is left: it waits for a little more
/// than a lease, in which each of them shows that it lives; then it can leave.
class OthersWork {
public:
    enum class Next : std::uint64_t { look_again, leave, stop };

    OthersWork(const RunPlace& place, const Log& log);

    /// This job did something.
    void worked();

    /// Collective over world. Waits a moment.
    Next wait(const mpi::Communicator& world);

    /// Collective over world. Waits until this job has the turn, for a job that joined others; one
    /// that works by itself always has it. in_turn() ends it.
    Next take_turn(const mpi::Communicator& world, RootBooks& books);

    /// How a stage ended that this job waited for. \pre not look_again
    static StageEnd end_of(Next next);

private:
    using Clock = std::chrono::steady_clock;

    bool try_turn(const mpi::Communicator& world, RootBooks& books);

    const RunPlace& place_;
    const Log& log_;
    JobWatch watch_;
    Clock::time_point since_ = Clock::now();  ///< it has nothing to do
    std::string holder_;                      ///< of the turn, told last
};

/// Collective over the context's world. Does what only one of several jobs can do when it is this
/// one's turn, which is over then. A job that works by itself does it at once.
/// \return the end of the work; or that it was left to others, or that the job was told to stop
/// \throws AgreedError  another job took the turn meanwhile, since this one gave no sign of life
StageEnd in_turn(RunContext& context,
                 const RunPlace& place,
                 RootBooks& books,
                 const std::function<StageEnd()>& work);

}  // namespace ratiofarm
