#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "protocol/task_file.hpp"

namespace ratiofarm {

/// What the nets of a chain said: one variation, one replica, one member.
struct UnfoldedChain {
    std::string variation = {};      ///< empty: nominal
    std::uint32_t data_replica = 0;  ///< 1, 2, ...; 0: the data as they are
    std::uint32_t mc_replica = 0;    ///< likewise of the simulation
    std::uint32_t member = 0;
    std::uint64_t mc_seed = 0;  ///< of the counts of the simulated events; 0: all 1
    /// ln nu of all simulated events after an iteration 1, 2, ..., [n]; only those that outlive
    /// the chain are asked for: all of nominal chains, the last one of others.
    std::function<std::vector<float>(std::uint32_t iteration)> ln_nu;
    std::vector<ChainStep> steps = {};  ///< [2 iterations], or none
};

/// "nominal/data 3/member 1", for people.
std::string chain_name(const UnfoldedChain& chain);

/// Chains that differ by their member only. Their nu are averaged.
struct ChainGroup {
    std::string variation;
    std::uint32_t data_replica = 0;
    std::uint32_t mc_replica = 0;
    std::vector<const UnfoldedChain*> members;
};

/// In the order of their first chains, which must outlive the groups.
std::vector<ChainGroup> group_chains(std::span<const UnfoldedChain> chains);

}  // namespace ratiofarm
