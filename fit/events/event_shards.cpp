#include "event_shards.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {
namespace {

/// Larger ratios are nonsense and their products with yields could overflow.
constexpr double largest_log_ratio = 600.0;
/// An event needs a process with a larger one: 1e-6 of its mixture is its floor, and not 0.
constexpr double smallest_log_ratio = -690.0;

}  // namespace

double portable_exp(double x) {
    if (x < -700.0) return 0.0;
    RATIOFARM_HOT_EXPECT(x <= 700.0);
    const double k = std::floor(x * 1.44269504088896338700 + 0.5);
    const double high = x - k * 6.93147180369123816490e-01;
    const double low = k * 1.90821492927058770002e-10;
    const double r = high - low;
    const double t = r * r;
    const double c =
        r - t * (1.66666666666666019037e-01 +
                 t * (-2.77777777770155933842e-03 +
                      t * (6.61375632143793436117e-05 +
                           t * (-1.65339022054652515390e-06 + t * 4.13813679705723846039e-08))));
    const double y = 1.0 - ((low - (r * c) / (2.0 - c)) - high);
    const auto exponent = static_cast<std::uint64_t>(static_cast<std::int64_t>(k) + 1023);
    return y * std::bit_cast<double>(exponent << 52);
}

std::string first_bad_event(const EventSet& events) {
    const std::size_t p = events.processes.size();
    for (std::uint64_t i = 0; i < events.size(); ++i) {
        if (!std::isfinite(events.weight[i])) {
            return event_name(events, i) + ": weight = " + std::to_string(events.weight[i]) +
                   " (must be finite)";
        }
        bool possible = p == 0;
        for (std::size_t j = 0; j < p; ++j) {
            const double log_r = events.log_r[i * p + j];
            if (!(log_r <= largest_log_ratio)) {
                return event_name(events, i) + ": log ratio of process '" + events.processes[j] +
                       "' = " + std::to_string(log_r) +
                       " (must be a number below 600; a network that diverged?)";
            }
            possible = possible || log_r >= smallest_log_ratio;
        }
        const bool used =
            events.weight[i] != 0.0 || (!events.reference.empty() && events.reference[i] != 0.0);
        if (used && !possible) {
            return event_name(events, i) +
                   ": no process can make it, all ratios are 0 (log ratios below -690 or -inf); "
                   "leave it out by a cut, or give a process that covers it";
        }
    }
    return {};
}

Shards::Shards(std::uint64_t events) : n_events(events) {
    // Enough shards for the ranks and threads of a small fit, few enough that joining them costs
    // nothing.
    constexpr std::uint64_t block = 64;
    constexpr std::uint64_t wanted = 32;
    constexpr std::uint64_t largest = 1024;
    const std::uint64_t even = (events + wanted - 1) / wanted;
    size = std::clamp((even + block - 1) / block * block, block, largest);
}

Range Shards::events(Range shards) const {
    return {std::min(n_events, shards.first * size), std::min(n_events, shards.last * size)};
}

Range Shards::of_rank(const mpi::Communicator& comm) const {
    return block_partition(count(), static_cast<std::uint64_t>(comm.size()),
                           static_cast<std::uint64_t>(comm.rank()));
}

}  // namespace ratiofarm
