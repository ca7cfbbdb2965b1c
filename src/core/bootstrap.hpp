#pragma once

#include <cstdint>

namespace ratiofarm {

/// Seed of a bootstrap replica of a campaign. One for all processes and folds: replica 17 weighs an
/// event alike wherever it occurs.
std::uint64_t replica_seed(std::uint64_t campaign_seed, std::uint32_t number);

/// How often an event is drawn in one bootstrap replica: a Poisson number of mean 1. A pure
/// function of the event's id and the seed of the replica, stored nowhere. Only the id tells the
/// events apart, so a replica is coherent over all samples and variations of a generated event.
std::uint32_t bootstrap_count(std::uint64_t event_id, std::uint64_t replica) noexcept;

}  // namespace ratiofarm
