#pragma once

#include <string_view>
#include <vector>

#include "ratiofarm/core/digest.hpp"
#include "ratiofarm/core/sample_info.hpp"
#include "ratiofarm/core/trainer_protocol.hpp"

namespace ratiofarm {

/// Digest of everything that determines the weights of a training: samples by content (of the
/// features in use, in their order; not where they are stored), split, network, options but the
/// time between checkpoints, seeds, training_algorithm, device class. Not names, paths or places of
/// bytes.
Digest train_digest(const TrainRequest& request,
                    const std::vector<SampleInfo>& samples,
                    std::string_view device_class);

/// The same for an evaluation.
Digest infer_digest(const InferRequest& request,
                    const Digest& ensemble,
                    const SampleInfo& sample,
                    std::string_view device_class);

/// A number as its bits.
Hasher& add_number(Hasher& hasher, double value);

}  // namespace ratiofarm
