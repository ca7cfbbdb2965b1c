#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace ratiofarm {

/// `ratiofarm COMMAND --ranks N`: runs the rest of the command line on N ranks of this machine, by
/// the launcher of MPI, and waits. Ctrl-C and TERM let the ranks write checkpoints and stop; the
/// launcher says nothing of its own about an exit code.
/// \param words the command line without "ratiofarm"
/// \return the exit code of the ranks; 75 if they were stopped before they could say one
/// \throws SystemError if there is no launcher
int start_ranks(std::uint64_t ranks, std::span<const std::string> words);

}  // namespace ratiofarm
