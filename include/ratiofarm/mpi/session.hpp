#pragma once

#include <functional>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/mpi/communicator.hpp"

namespace ratiofarm::mpi {

/// MPI_Init and MPI_Finalize as one object. Without a launcher it is a world of one rank.
/// Finalizes only when no exception is in flight.
class Session {
public:
    Session(int& argc, char**& argv);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    const Communicator& world() const { return world_; }

private:
    int uncaught_at_start_;
    Communicator world_;
};

/// Body of every main: prints an escaped error with its rank and ends the whole job by MPI_Abort,
/// so that no rank waits for one that is gone.
/// \return the value of `program`, or the exit code of the error where MPI is not running
int guarded(const std::function<int()>& program);

/// "Open MPI 4.1.4 ..." of the running library.
std::string library_version();

}  // namespace ratiofarm::mpi
