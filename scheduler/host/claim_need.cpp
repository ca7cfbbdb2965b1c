#include "claim_need.hpp"

#include <algorithm>

namespace ratiofarm {

double claimed_ahead(double look_seconds, double longest_look) {
    constexpr double at_least = 1.0;
    constexpr double looks = 80.0;  // it is filled up when half is left: a fortieth of the time
    return std::min(std::max(at_least, looks * look_seconds), 4.0 * longest_look);
}

ClaimNeed claim_need(const ClaimState& state) {
    ClaimNeed need{.tasks = state.idle > state.waiting ? state.idle - state.waiting : 0};
    if (!state.learned) return need;
    const double part =
        (state.waiting_cost + state.claimable_cost) / static_cast<double>(state.jobs);
    const double ahead =
        static_cast<double>(state.ranks) * claimed_ahead(state.look_seconds, state.longest_look);
    const double wanted = std::min(ahead, part);
    if (need.tasks > 0 || state.waiting_cost < 0.5 * wanted) {
        need.seconds = std::max(wanted - state.waiting_cost, 0.0);
    }
    return need;
}

}  // namespace ratiofarm
