#include "ratiofarm/fit/event_set.hpp"

#include <algorithm>
#include <utility>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/mpi/block_sum.hpp"

namespace ratiofarm {

Range events_of_rank(const mpi::Communicator& comm, std::uint64_t n_events) {
    const Range shards = mpi::shards_of_rank(comm);
    if (shards.empty()) {
        // More ranks than shards: nothing, at the place where it would have been.
        const std::uint64_t here =
            shards.first < mpi::n_shards
                ? block_partition(n_events, mpi::n_shards, shards.first).first
                : n_events;
        return {here, here};
    }
    return {block_partition(n_events, mpi::n_shards, shards.first).first,
            block_partition(n_events, mpi::n_shards, shards.last - 1).last};
}

std::vector<SetRows> rows_of_range(std::span<const std::uint64_t> sizes, Range range) {
    std::vector<SetRows> parts;
    std::uint64_t start = 0;  // of the set in the concatenation
    for (std::size_t set = 0; set < sizes.size(); ++set) {
        const std::uint64_t first = std::max(range.first, start);
        const std::uint64_t last = std::min(range.last, start + sizes[set]);
        if (first < last) parts.push_back({set, {first - start, last - start}});
        start += sizes[set];
    }
    RATIOFARM_EXPECT(range.last <= start);
    return parts;
}

void append_events(EventSet& to,
                   std::span<const double> weight,
                   std::span<const float> log_r,
                   double factor,
                   EventOrigin origin) {
    RATIOFARM_EXPECT(log_r.size() == weight.size() * to.processes.size());
    origin.first = to.size();
    to.origins.push_back(std::move(origin));
    to.weight.reserve(to.weight.size() + weight.size());
    for (const double w : weight) to.weight.push_back(w * factor);
    to.log_r.insert(to.log_r.end(), log_r.begin(), log_r.end());
}

std::string event_name(const EventSet& events, std::uint64_t position) {
    std::string name = "event " + std::to_string(events.offset + position);
    for (auto origin = events.origins.rbegin(); origin != events.origins.rend(); ++origin) {
        if (origin->first <= position) {
            return name + " (row " + std::to_string(origin->first_row + position - origin->first) +
                   " of '" + origin->set + "')";
        }
    }
    return name;
}

double total_weight(const EventSet& mine, const mpi::Communicator& comm) {
    const Range shards = mpi::shards_of_rank(comm);
    std::vector<double> sums;
    for (std::uint64_t shard = shards.first; shard < shards.last; ++shard) {
        const Range events = block_partition(mine.total, mpi::n_shards, shard);
        double sum = 0.0;
        for (std::uint64_t event = events.first; event < events.last; ++event) {
            sum += mine.weight[event - mine.offset];
        }
        sums.push_back(sum);
    }
    return mpi::block_sum(comm, sums, 1).front();
}

}  // namespace ratiofarm
