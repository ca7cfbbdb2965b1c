#include "network_kinds.hpp"

#include <string>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

bool has_written_step(NetworkKind kind) {
    switch (kind) {
        case NetworkKind::mlp:
        case NetworkKind::residual_mlp:
        case NetworkKind::deep_sets:
        case NetworkKind::lorentz:
        case NetworkKind::graph: return true;
        case NetworkKind::transformer:
        case NetworkKind::pelican: break;
    }
    return false;
}

Engine engine_of(const Network& network, Engine asked, double dropout) {
    std::string without;
    if (!has_written_step(network.kind)) without = "this network.kind";
    if (network.outputs > 1) {
        without = "a network with " + std::to_string(network.outputs) + " outputs";
    }
    if (network.layer_norm) without = "network.layer_norm";
    if (dropout > 0.0) without = "training.dropout";
    if (asked == Engine::written && !without.empty()) {
        throw ConfigError("training.engine = \"written\": there is no written-out step for " +
                          without + " (use \"auto\" or \"autograd\")");
    }
    if (asked != Engine::automatic) return asked;
    return without.empty() ? Engine::written : Engine::autograd;
}

}  // namespace ratiofarm
