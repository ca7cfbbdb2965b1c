#include "ratiofarm/core/bootstrap.hpp"

#include "ratiofarm/core/philox.hpp"

namespace ratiofarm {

std::uint32_t bootstrap_count(std::uint64_t event_id, std::uint64_t replica) noexcept {
    const auto words = philox(replica, 0x7265706c696361ULL, event_id);
    const double position = uniform01(words[0], words[1]);
    // Inversion. IEEE sums and quotients alone: the same count on every machine.
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
