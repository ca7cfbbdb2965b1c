#pragma once

#include <cstdint>
#include <span>

#include "ratiofarm/mpi/communicator.hpp"

namespace ratiofarm::mpi {

/// Collective over comm. On every rank the value that rank 0 gives; those of the others do not
/// count.
inline std::uint64_t value_on_root(const Communicator& comm, std::uint64_t value) {
    std::uint64_t on_root = comm.is_root() ? value : 0;
    all_sum(comm, std::span(&on_root, 1));
    return on_root;
}

}  // namespace ratiofarm::mpi
