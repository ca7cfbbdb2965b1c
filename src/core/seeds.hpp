#pragma once

#include <cstdint>
#include <string_view>

namespace ratiofarm {

/// What a random sequence is for. A new purpose gets a new word, so old results keep their bits.
enum class Stream : std::uint32_t {
    initialisation = 1,  ///< first weights of a net
    shuffle = 2,         ///< order of the events in each epoch
    simulation = 3,      ///< events of `ratiofarm simulate`
    replica = 4,         ///< Poisson(1) bootstrap weights
    toys = 5,            ///< pseudo-experiments
    search = 6,          ///< settings of the trials of a search
};

/// Seed of one stream of one named thing ("ensemble S/member 3"): a pure function of names, so a
/// member trained anywhere, in any order, after any restart, is the same member.
std::uint64_t seed_for(std::uint64_t campaign_seed, std::string_view name, Stream stream);

/// Seed of a bootstrap replica of a campaign. One for all processes and folds: replica 17 weighs an
/// event alike wherever it occurs.
std::uint64_t replica_seed(std::uint64_t campaign_seed, std::uint32_t number);

/// How often an event is drawn in one bootstrap replica: a Poisson number of mean 1. A pure
/// function of the event's id and the seed of the replica, stored nowhere. Only the id tells the
/// events apart, so a replica is coherent over all samples and variations of a generated event.
std::uint32_t bootstrap_count(std::uint64_t event_id, std::uint64_t replica) noexcept;

}  // namespace ratiofarm
