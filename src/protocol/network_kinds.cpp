#include "network_kinds.hpp"

#include <string>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

bool has_written_step(NetworkKind kind) {
    return kind == NetworkKind::mlp || kind == NetworkKind::residual_mlp;
}

Engine engine_of(const Network& network, Engine asked) {
    const bool written = has_written_step(network.kind) && network.outputs == 1;
    if (asked == Engine::written && network.outputs > 1) {
        throw ConfigError(
            "training.engine = \"written\": there is no written-out step for a network with " +
            std::to_string(network.outputs) + " outputs (use \"automatic\" or \"autograd\")");
    }
    if (asked == Engine::written && !written) {
        throw ConfigError(
            "training.engine = \"written\": there is no written-out step for this "
            "network.kind (use \"automatic\" or \"autograd\")");
    }
    if (asked != Engine::automatic) return asked;
    return written ? Engine::written : Engine::autograd;
}

}  // namespace ratiofarm
