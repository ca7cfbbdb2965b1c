#pragma once

#include <exception>
#include <optional>
#include <string>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/mpi/communicator.hpp"

namespace ratiofarm::mpi {

/// A problem that every rank knows of: all of them throw it, so the job can end in order.
class AgreedError : public Error {
public:
    using Error::Error;
};

/// Collective over comm. The vote behind `together`: the lowest failed rank's message and exit
/// code are thrown on every rank.
/// \throws AgreedError
void vote(const Communicator& comm, const std::optional<std::string>& problem, ExitCode code);

/// Collective over comm. For loops that last: ends them on all ranks once one was told to stop by a
/// signal (core/signal_flags.hpp). Without MPI it does nothing.
/// \throws AgreedError, resumable
void obey_stop(const Communicator& comm);

/// Collective over comm. Runs an action that itself is not collective; if it throws an Error on
/// any rank, every rank throws one.
template <class Action>
void together(const Communicator& comm, Action&& action) {
    std::optional<std::string> problem;
    ExitCode code = ExitCode::internal;
    try {
        action();
    } catch (const std::exception& error) {
        problem = error.what();
        code = exit_code_of(error);
    }
    vote(comm, problem, code);
}

}  // namespace ratiofarm::mpi
