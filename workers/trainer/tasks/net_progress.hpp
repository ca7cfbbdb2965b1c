#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ratiofarm/protocol/training_options.hpp"

#include "protocol/task_file.hpp"

namespace ratiofarm {

/// Mean loss per event of one epoch.
struct EpochLoss {
    double training = 0.0;
    double validation = 0.0;
};

/// Whether a net has epochs left: it has not diverged, and its best epoch is not `patience` back.
bool is_running(const NetState& net, const TrainingOptions& options);

/// Why the losses of an epoch cannot be those of a sound net: not finite, or negative, which only
/// negative weights can cause. Empty if they can.
std::string divergence(const EpochLoss& loss, std::uint64_t epoch, std::uint64_t negative_weights);

/// Takes note of a complete epoch of a running net.
/// \return whether it is its best so far
bool note_epoch(NetState& net, const EpochLoss& loss);

/// What a net that runs no more has come to, without what its nets share: events, quality. The row
/// of one that diverged is all zeros, which no evaluation accepts.
TrainedNet trained_net(const NetState& net, Keep keep);

}  // namespace ratiofarm
