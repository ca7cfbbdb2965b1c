#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ratiofarm/fit/event_set.hpp"
#include "ratiofarm/mpi/communicator.hpp"

#include "mixture_kernel.hpp"

namespace ratiofarm {

/// This rank's shards of events, in columns ready for the kernel: r = exp(log r), events without
/// weight left out, every shard padded to whole groups of lanes.
template <class Ratio>
class EventShards {
public:
    /// \param mine events_of_rank(), checked (first_bad_event)
    EventShards(const EventSet& mine, const mpi::Communicator& comm);

    std::size_t n_shards() const { return first_.size() - 1; }
    std::uint64_t n_zero_weight() const { return n_zero_weight_; }

    /// Sums of one shard. \param sums [n_sums(P)]
    void sum(ShardKernel<Ratio> kernel,
             const MixturePoint& point,
             std::size_t shard,
             double* sums) const;

private:
    void append(const EventSet& mine, std::uint64_t position);
    void pad();

    std::vector<double> weight_;             // [padded events]
    std::vector<std::vector<Ratio>> ratio_;  // [processes][padded events]
    std::vector<std::size_t> first_;         // [shards + 1]
    std::uint64_t n_zero_weight_ = 0;
};

/// Why an event cannot enter a likelihood, with its name; empty if all can.
std::string first_bad_event(const EventSet& events);

/// exp(x), for x from -700 to 700, with the same bits on every machine; 0 below. The reduction and
/// polynomial of fdlibm's e_exp.c.
double portable_exp(double x);

}  // namespace ratiofarm
