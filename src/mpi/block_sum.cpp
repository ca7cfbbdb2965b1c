#include "ratiofarm/mpi/block_sum.hpp"

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm::mpi {

Range shards_of_rank(const Communicator& comm) {
    return block_partition(n_shards, static_cast<std::uint64_t>(comm.size()),
                           static_cast<std::uint64_t>(comm.rank()));
}

std::vector<double> block_sum(const Communicator& comm,
                              std::span<const double> mine,
                              std::uint64_t width) {
    RATIOFARM_EXPECT(mine.size() == shards_of_rank(comm).size() * width);
    const std::vector<double> all = all_gather(comm, mine);
    RATIOFARM_ENSURE(all.size() == n_shards * width);
    std::vector<double> sum(width, 0.0);
    for (std::uint64_t shard = 0; shard < n_shards; ++shard) {
        for (std::uint64_t i = 0; i < width; ++i) sum[i] += all[shard * width + i];
    }
    return sum;
}

}  // namespace ratiofarm::mpi
