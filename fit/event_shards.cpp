#include "event_shards.hpp"

#include <bit>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/mpi/block_sum.hpp"

namespace ratiofarm {
namespace {

/// Larger ratios are nonsense and their products with yields could overflow.
constexpr double largest_log_ratio = 600.0;

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
        for (std::size_t j = 0; j < p; ++j) {
            const double log_r = events.log_r[i * p + j];
            if (!std::isfinite(log_r) || log_r > largest_log_ratio) {
                return event_name(events, i) + ": log ratio of process '" + events.processes[j] +
                       "' = " + std::to_string(log_r) +
                       " (must be finite and below 600; a network that diverged?)";
            }
        }
    }
    return {};
}

template <class Ratio>
EventShards<Ratio>::EventShards(const EventSet& mine, const mpi::Communicator& comm)
    : ratio_(mine.processes.size()), first_{0} {
    const Range shards = mpi::shards_of_rank(comm);
    const std::size_t room = mine.size() + shards.size() * n_lanes;
    weight_.reserve(room);
    for (auto& column : ratio_) column.reserve(room);
    for (std::uint64_t shard = shards.first; shard < shards.last; ++shard) {
        const Range events = block_partition(mine.total, mpi::n_shards, shard);
        for (std::uint64_t event = events.first; event < events.last; ++event) {
            append(mine, event - mine.offset);
        }
        pad();
        first_.push_back(weight_.size());
    }
}

template <class Ratio>
void EventShards<Ratio>::append(const EventSet& mine, std::uint64_t position) {
    if (mine.weight[position] == 0.0) {
        ++n_zero_weight_;
        return;
    }
    weight_.push_back(mine.weight[position]);
    for (std::size_t j = 0; j < ratio_.size(); ++j) {
        const double r = portable_exp(mine.log_r[position * ratio_.size() + j]);
        ratio_[j].push_back(static_cast<Ratio>(r));
    }
}

/// Fills the last group of the shard with copies of its last event, without weight.
template <class Ratio>
void EventShards<Ratio>::pad() {
    while (weight_.size() % n_lanes != 0) {
        weight_.push_back(0.0);
        for (auto& column : ratio_) column.push_back(column.back());
    }
}

template <class Ratio>
void EventShards<Ratio>::sum(ShardKernel<Ratio> kernel,
                             const MixturePoint& point,
                             std::size_t shard,
                             double* sums) const {
    std::vector<const Ratio*> columns;
    for (const auto& column : ratio_) columns.push_back(column.data() + first_[shard]);
    kernel(point,
           {first_[shard + 1] - first_[shard], weight_.data() + first_[shard], columns.data()},
           sums);
}

template class EventShards<double>;
template class EventShards<float>;

}  // namespace ratiofarm
