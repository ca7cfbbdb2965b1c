#pragma once

#include <mpi.h>

#include "ratiofarm/mpi/communicator.hpp"

/// The only header that includes mpi.h, for those who call MPI themselves.
namespace ratiofarm::mpi {

/// MPI_COMM_NULL for the single rank without MPI.
MPI_Comm native(const Communicator& comm);

/// Collective over `parent`: a duplicate, so that our messages never meet other people's.
Communicator duplicate(MPI_Comm parent);

}  // namespace ratiofarm::mpi
