#include "ratiofarm/fit/event_set.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "ratiofarm/core/contracts.hpp"

#include "event_shards.hpp"

namespace ratiofarm {

namespace {

EventSet slice(const EventSet& all, Range rows) {
    const std::size_t p = all.processes.size();
    const auto at = [](const auto& values, std::uint64_t index) {
        return values.begin() + static_cast<std::ptrdiff_t>(index);
    };
    EventSet part;
    part.processes = all.processes;
    part.shapes = all.shapes;
    part.offset = rows.first;
    part.total = all.total;
    part.weight.assign(at(all.weight, rows.first), at(all.weight, rows.last));
    if (!all.reference.empty()) {
        part.reference.assign(at(all.reference, rows.first), at(all.reference, rows.last));
    }
    part.log_r.assign(at(all.log_r, rows.first * p), at(all.log_r, rows.last * p));
    for (std::size_t column = 0; column < 2 * all.shapes.size(); ++column) {
        const auto start = at(all.log_g, column * all.size());
        part.log_g.insert(part.log_g.end(), start + static_cast<std::ptrdiff_t>(rows.first),
                          start + static_cast<std::ptrdiff_t>(rows.last));
    }
    for (const EventOrigin& origin : all.origins) {
        EventOrigin moved = origin;
        if (moved.first < rows.first) {
            moved.first_row += rows.first - moved.first;
            moved.first = rows.first;
            if (!part.origins.empty() && part.origins.back().first == 0) part.origins.pop_back();
        }
        moved.first -= rows.first;
        if (moved.first < rows.size() || rows.empty()) part.origins.push_back(std::move(moved));
    }
    return part;
}

void expect_whole(const EventSet& events) {
    const std::uint64_t n = events.size();
    RATIOFARM_EXPECT(events.offset == 0 && n == events.total);
    RATIOFARM_EXPECT(events.reference.empty() || events.reference.size() == n);
    RATIOFARM_EXPECT(events.log_r.size() == n * events.processes.size());
    RATIOFARM_EXPECT(events.log_g.size() == 2 * n * events.shapes.size());
}

}  // namespace

EventSource source_of(const EventSet& events) {
    expect_whole(events);
    return {events.processes, events.shapes, events.total,
            [&events](Range rows) { return slice(events, rows); }};
}

EventSource source_of(EventSet&& events) {
    expect_whole(events);
    const auto owned = std::make_shared<const EventSet>(std::move(events));
    return {owned->processes, owned->shapes, owned->total,
            [owned](Range rows) { return slice(*owned, rows); }};
}

Range events_of_rank(const mpi::Communicator& comm, std::uint64_t n_events) {
    const Shards shards(n_events);
    return shards.events(shards.of_rank(comm));
}

std::vector<Range> shards_of_rank(const mpi::Communicator& comm, std::uint64_t n_events) {
    const Shards shards(n_events);
    const Range of_rank = shards.of_rank(comm);
    std::vector<Range> ranges;
    for (std::uint64_t shard = of_rank.first; shard < of_rank.last; ++shard) {
        ranges.push_back(shards.events({shard, shard + 1}));
    }
    return ranges;
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

}  // namespace ratiofarm
