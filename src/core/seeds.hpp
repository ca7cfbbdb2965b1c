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

}  // namespace ratiofarm
