#pragma once

#include "ratiofarm/core/network.hpp"
#include "ratiofarm/core/training_options.hpp"

namespace ratiofarm {

/// True if the trainer has a written-out forward and backward pass for the kind.
bool has_written_step(NetworkKind kind);

/// The engine that trains a network when `asked` is wanted: written or autograd.
/// \throws ConfigError if a written step is asked for and there is none for the kind
Engine engine_of(const Network& network, Engine asked);

}  // namespace ratiofarm
