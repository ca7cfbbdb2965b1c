#include "seeds.hpp"

#include <string>

#include "ratiofarm/core/digest.hpp"

#include "philox.hpp"

namespace ratiofarm {

std::uint64_t seed_for(std::uint64_t campaign_seed, std::string_view name, Stream stream) {
    return Hasher()
        .text("ratiofarm seed")
        .number(campaign_seed)
        .text(name)
        .number(static_cast<std::uint64_t>(stream))
        .finish()
        .low;
}

std::uint64_t replica_seed(std::uint64_t campaign_seed, std::uint32_t number) {
    return seed_for(campaign_seed, "replica " + std::to_string(number), Stream::replica);
}

std::uint32_t bootstrap_count(std::uint64_t event_id, std::uint64_t replica) noexcept {
    const auto words = philox(replica, 0x7265706c696361ULL, event_id);
    const double position = uniform01(words[0], words[1]);
    // Inversion. Only IEEE sums and quotients: the same count on every machine.
    constexpr std::uint32_t most = 20;         // P(k > 17) is below the step of the uniform number
    double probability = 0.36787944117144233;  // exp(-1)
    double cumulative = probability;
    std::uint32_t count = 0;
    while (position >= cumulative && count < most) {
        ++count;
        probability /= count;
        cumulative += probability;
    }
    return count;
}

}  // namespace ratiofarm
