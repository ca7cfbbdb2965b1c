#pragma once

#include <mpi.h>

namespace ratiofarm::mpi {

/// \throws MpiError with the words of the MPI library unless the code is MPI_SUCCESS
void check(int code, const char* call);

/// Waits for a request by testing and sleeping: a blocked rank costs no core that a trainer needs.
void wait_gently(MPI_Request& request);

}  // namespace ratiofarm::mpi
