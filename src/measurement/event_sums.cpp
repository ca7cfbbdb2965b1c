#include "event_sums.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <utility>

#include "ratiofarm/mpi/exact_sum.hpp"
#include "ratiofarm/mpi/together.hpp"

namespace ratiofarm {
namespace {

constexpr std::size_t sums_of_events = 6;

void add_events(std::span<const double> weights,
                std::span<const double> y,
                std::span<double> sums) {
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const double w = weights[i];
        const std::array terms{w,     w * y[i],     w * y[i] * y[i],
                               w * w, w * w * y[i], w * w * y[i] * y[i]};
        for (std::size_t k = 0; k < sums_of_events; ++k) sums[k] += terms[k];
    }
}

}  // namespace

std::vector<std::vector<SumsOfSets>> event_sums(const mpi::Communicator& comm,
                                                const EventSource& events,
                                                std::span<const FittedSet> sets,
                                                const EventNumbers& numbers,
                                                double part) {
    std::vector<std::uint64_t> sizes;
    for (const FittedSet& set : sets) sizes.push_back(set.events);
    const auto place = [&](std::size_t number, std::size_t set) {
        return sums_of_events * (number * sets.size() + set);
    };
    mpi::ExactSums mine(place(numbers.count, 0));
    mpi::together(comm, [&] {
        for (const Range& shard : shards_of_rank(comm, events.total)) {
            std::vector<double> sums(place(numbers.count, 0));
            std::uint64_t first = shard.first;
            for (const SetRows& rows : rows_of_range(sizes, shard)) {
                const auto n = static_cast<std::uint64_t>(
                    std::ceil(part * static_cast<double>(rows.rows.size())));
                EventSet piece = events.read({first, first + n});
                first += rows.rows.size();
                const auto y = numbers.of(sets[rows.set], piece);
                for (std::size_t k = 0; k < numbers.count; ++k) {
                    add_events(piece.weight, y[k],
                               std::span(sums).subspan(place(k, rows.set), sums_of_events));
                }
            }
            mine.add(sums);
        }
    });
    const std::vector<double> all = mpi::exact_sum(comm, std::move(mine));
    std::vector<std::vector<SumsOfSets>> result(numbers.count);
    for (std::size_t k = 0; k < numbers.count; ++k) {
        for (std::size_t set = 0; set < sets.size(); ++set) {
            const double* of = all.data() + place(k, set);
            result[k].push_back({of[0], of[1], of[2], of[3], of[4], of[5]});
        }
    }
    return result;
}

}  // namespace ratiofarm
