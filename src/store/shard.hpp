#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ratiofarm/core/digest.hpp"

namespace ratiofarm {

/// One of `count` disjoint parts of all tasks, chosen by digest, so that every farm that works on a
/// part knows its tasks without asking anyone.
struct Shard {
    std::uint64_t index = 0;  ///< < count
    std::uint64_t count = 1;  ///< 1: all tasks

    bool whole() const { return count == 1; }
    bool owns(const Digest& task) const { return task.high % count == index; }
    std::string name() const;  ///< "shard-2-of-8"

    bool operator==(const Shard&) const = default;
};

/// "2/8", or "array": the element of a Slurm array, counted from its lowest index.
/// \throws ConfigError naming the text and what is allowed
Shard parse_shard(std::string_view text);

}  // namespace ratiofarm
