#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "ratiofarm/core/partition.hpp"
#include "ratiofarm/mpi/communicator.hpp"

namespace ratiofarm::mpi {

/// Sums over events that depend neither on the number of ranks nor of threads: the events are cut
/// into a fixed number of shards, each rank owns whole shards in order, and the shards' sums are
/// added in shard order.
inline constexpr std::uint64_t n_shards = 256;

/// The shards of one rank.
Range shards_of_rank(const Communicator& comm);

/// Collective over comm. Adds the shard sums in shard order.
/// \param mine [shards_of_rank(comm).size(), width] row-major, sums of this rank's shards
/// \return [width], the same bits on every rank and for every number of ranks
std::vector<double> block_sum(const Communicator& comm,
                              std::span<const double> mine,
                              std::uint64_t width);

}  // namespace ratiofarm::mpi
