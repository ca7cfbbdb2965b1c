#pragma once

#include <string>

#include "store/journal.hpp"
#include "store/run_directory.hpp"

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

/// Jobs share tasks by their digests: a job whose tasks are others would do all of them beside.
/// \throws ConfigError naming the difference
void expect_same_work(const RunDirectory& directory,
                      const Shard& mine,
                      const FarmStarted& this_farm);

}  // namespace ratiofarm
