#pragma once

#include "ratiofarm/core/log.hpp"

#include "core/unique_fd.hpp"
#include "workers/trainer/engine/device.hpp"

namespace ratiofarm::trainer {

/// Greets the supervisor at the socket and serves its requests, one task at a time, until it
/// closes its end. A task that cannot be done is answered by TaskFailed and the loop goes on.
/// \throws DataError if the supervisor speaks another version; c10::Error if the GPU has failed,
///         since no later task could use it
void serve(UniqueFd socket, const Device& device, const Log& log);

/// Ties this process to the one that started it: killed when that one dies, deaf to the signals
/// that a terminal or a batch system sends to all (the supervisor decides what they mean).
/// \return false if the parent died before the tie was made
bool tie_to_parent();

}  // namespace ratiofarm::trainer
