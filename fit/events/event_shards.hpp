#pragma once

#include <cstdint>
#include <string>

#include "ratiofarm/core/partition.hpp"
#include "ratiofarm/fit/event_set.hpp"
#include "ratiofarm/mpi/communicator.hpp"

namespace ratiofarm {

/// A list of events is cut into shards that depend only on its length; each rank holds whole
/// shards in order. Sums over a shard run in a fixed order, sums over shards are exact
/// (mpi/exact_sum.hpp), so neither ranks nor threads change a bit.
struct Shards {
    std::uint64_t n_events = 0;
    std::uint64_t size = 64;  ///< events of each but the last, a multiple of 64

    explicit Shards(std::uint64_t events);

    std::uint64_t count() const { return (n_events + size - 1) / size; }
    Range events(Range shards) const;
    Range of_rank(const mpi::Communicator& comm) const;
};

/// Why an event cannot enter a likelihood, with its name; empty if all can. Of log g nothing is
/// looked at.
std::string first_bad_event(const EventSet& events);

/// exp(x), for x from -700 to 700, with the same bits on every machine; 0 below. The reduction and
/// polynomial of fdlibm's e_exp.c.
double portable_exp(double x);

}  // namespace ratiofarm
