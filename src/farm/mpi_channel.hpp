#pragma once

#include <memory>

#include "channel.hpp"

namespace ratiofarm::mpi {
class Communicator;
}

namespace ratiofarm {

/// Channel over MPI point-to-point messages. Ready sends and receives are polled, never waited
/// for, so that a dead peer cannot hang this rank.
/// \param comm outlives the channel; carries nothing else while the farm runs
std::unique_ptr<Channel> make_mpi_channel(const mpi::Communicator& comm);

}  // namespace ratiofarm
