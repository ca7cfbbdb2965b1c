#include "ratiofarm/mpi/session.hpp"

#include <cstdio>
#include <exception>
#include <string>

#include <mpi.h>
#include <unistd.h>

#include "core/screen.hpp"

#include "check.hpp"

namespace ratiofarm::mpi {

Session::Session(int& argc, char**& argv) : uncaught_at_start_(std::uncaught_exceptions()) {
    check(MPI_Init(&argc, &argv), "MPI_Init");
    world_ = Communicator::world();
}

Session::~Session() {
    // With an exception in flight the other ranks may be inside a collective: finalizing would
    // wait for them. guarded() aborts the job instead.
    if (std::uncaught_exceptions() > uncaught_at_start_) return;
    world_ = Communicator();
    MPI_Finalize();
}

int guarded(const std::function<int()>& program) {
    int code = static_cast<int>(ExitCode::internal);
    std::string message;
    try {
        return program();
    } catch (const std::exception& error) {
        code = static_cast<int>(exit_code_of(error));
        message = error.what();
    }
    int initialised = 0;
    int finalized = 0;
    MPI_Initialized(&initialised);
    MPI_Finalized(&finalized);
    int rank = 0;
    int size = 1;
    if (initialised && !finalized) {
        MPI_Comm_rank(MPI_COMM_WORLD, &rank);
        MPI_Comm_size(MPI_COMM_WORLD, &size);
    }
    const std::string who = size > 1 ? "ratiofarm: rank " + std::to_string(rank) : "ratiofarm";
    std::fputs(on_error_screen(who + ": " + message + '\n').c_str(), stderr);
    std::fflush(nullptr);
    if (size > 1) MPI_Abort(MPI_COMM_WORLD, code);
    // What libraries hold stays as it is: HDF5 (1.10.8) crashes when it closes a file that could
    // not be written.
    ::_exit(code);
}

std::string library_version() {
    char text[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    int length = 0;
    MPI_Get_library_version(text, &length);
    return {text, static_cast<std::size_t>(length)};
}

}  // namespace ratiofarm::mpi
