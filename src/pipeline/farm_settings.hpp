#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "commands/command.hpp"
#include "store/shard.hpp"
#include "workers/pace_watch.hpp"

#include "scheduler/host/walltime.hpp"

namespace ratiofarm {

/// How the farm works; changes no result.
struct FarmSettings {
    std::uint32_t strikes = 3;       ///< crashes after which a task is given up
    PaceLimits pace;                 ///< when a trainer counts as hung
    std::optional<Instant> stop_by;  ///< on rank 0: everything has checkpointed and stopped by then
    bool ignore_space = false;       ///< begin although the file system is too small
    Shard shard;                     ///< tasks of this farm; results of all others are left alone
};

/// --time-budget, of commands with tasks of their own; farm_settings() heeds it.
Option time_budget_option();

/// Options of commands that train or evaluate nets.
std::vector<Option> farm_options();

/// What those options and the batch system say.
/// \throws ConfigError naming an option and its value
FarmSettings farm_settings(const CommandContext& context, const Arguments& arguments);

}  // namespace ratiofarm
