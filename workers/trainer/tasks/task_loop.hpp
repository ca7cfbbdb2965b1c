#pragma once

#include "ratiofarm/core/log.hpp"

#include "core/unique_fd.hpp"
#include "workers/trainer/engine/device.hpp"

namespace ratiofarm {

/// Greets the supervisor at the socket and serves its requests, one task at a time, until it
/// closes its end. A task that cannot be done is answered by TaskFailed and the loop goes on.
/// \throws DataError if the supervisor speaks another version; c10::Error if the GPU has failed,
///         since no later task could use it
void serve(UniqueFd socket, const Device& device, const Log& log);

}  // namespace ratiofarm
