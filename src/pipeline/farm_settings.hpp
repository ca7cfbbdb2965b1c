#pragma once

#include <cstdint>
#include <optional>

#include "scheduler/host/walltime.hpp"
#include "store/shard.hpp"
#include "workers/pace_watch.hpp"

namespace ratiofarm {

/// How the farm works; changes no result.
struct FarmSettings {
    std::uint32_t strikes = 3;       ///< crashes after which a task is given up
    PaceLimits pace;                 ///< when a trainer counts as hung
    std::optional<Instant> stop_by;  ///< on rank 0: everything has checkpointed and stopped by then
    bool ignore_space = false;       ///< begin although the file system is too small
    Shard shard;                     ///< tasks of this farm; results of all others are not touched
};

}  // namespace ratiofarm
