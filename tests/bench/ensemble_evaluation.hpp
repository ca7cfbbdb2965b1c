#pragma once

#include <cstdint>

#include "protocol/task_file.hpp"
#include "protocol/trainer_protocol.hpp"

#include "peer_case.hpp"

namespace ratiofarm::bench {

/// The nets of a case as an ensemble, evaluated on its training events by the task that the farm
/// would run: from the mapped events to the published result.
class EnsembleEvaluation {
public:
    EnsembleEvaluation(const PeerCase& problem, const Variant& variant);

    /// On events [first, first + count).
    RatioBlock run(std::uint64_t first, std::uint64_t count);

private:
    InferRequest request_;
    trainer::DeviceKind device_;
};

}  // namespace ratiofarm::bench
