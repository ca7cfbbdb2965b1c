#pragma once

#include <string_view>
#include <vector>

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/protocol/sample_info.hpp"

#include "protocol/trainer_protocol.hpp"

#include "task_graph.hpp"

namespace ratiofarm {

/// Digest of everything that determines the weights of a training: its classes by content (of the
/// features in use, in their order; not where they are stored), split, fold, network, options
/// except the time between checkpoints, its nets with their seeds and the nets they begin as,
/// training_algorithm, device class. Not names, paths or places of bytes.
Digest train_digest(const TrainRequest& request,
                    const EnsembleSpec& ensemble,
                    const GraphInputs& inputs);

/// Digest of a finished ensemble: of its trainings, and of the rules by which some nets are left
/// out, replaced or added.
Digest ensemble_digest(const PlannedEnsemble& ensemble, const Campaign& campaign);

/// Digest of an evaluation: of everything that determines its result.
Digest infer_digest(const InferRequest& request,
                    const Digest& ensemble,
                    const SampleInfo& sample,
                    std::string_view device_class);

/// A number as its bits.
Hasher& add_number(Hasher& hasher, double value);

}  // namespace ratiofarm
