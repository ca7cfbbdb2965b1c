#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ratiofarm/core/digest.hpp"

namespace ratiofarm {

/// What a farm works on that may not be the only one in its run directory: one of `count` disjoint
/// parts of all tasks, chosen by digest, so that every farm that works on a part knows its tasks
/// without asking anyone; or, as a job that joined others, those of all tasks that it can claim.
struct Shard {
    std::uint64_t index = 0;  ///< < count
    std::uint64_t count = 1;  ///< 1: all tasks
    std::string job = {};     ///< name of a job that joined; empty: none

    bool whole() const { return count == 1 && job.empty(); }  ///< it works by itself
    bool has_all() const { return count == 1; }               ///< no task is left to another shard
    bool owns(const Digest& task) const { return task.high % count == index; }
    std::string name() const;  ///< "shard-2-of-8", "job-1234"

    bool operator==(const Shard&) const = default;
};

/// "2/8", or "array": the element of a Slurm array, counted from its lowest index.
/// \throws ConfigError naming the text and what is allowed
Shard parse_shard(std::string_view text);

}  // namespace ratiofarm
