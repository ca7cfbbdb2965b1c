#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ratiofarm/core/log.hpp"
#include "ratiofarm/protocol/network.hpp"

#include "protocol/task_file.hpp"
#include "protocol/trainer_protocol.hpp"
#include "workers/trainer/events/feature_scaling.hpp"

#include "training_state_store.hpp"

namespace ratiofarm::trainer {

/// The row of an untrained net. Weights of hidden layers are uniform with variance 2 / inputs
/// (1 / inputs before tanh; He et al., arXiv:1502.01852), those of the output layer and all biases
/// uniform in +-1/sqrt(inputs). Only integers and products are involved: the same bits on every
/// machine and device.
/// \param shift, scale  [scaled_inputs()], copied into the row
std::vector<float> initial_row(const Network& network,
                               std::uint64_t seed,
                               std::span<const float> shift,
                               std::span<const float> scale);

/// The row of the net that a warm start names, feature scaling included.
/// \throws DataError naming the file: missing, damaged, of another task or network, a net that
///         failed or that it does not have
std::vector<float> warm_start_row(const Network& network, const WarmStart& from);

/// Epochs done when the task ends.
std::uint32_t last_epoch(const TrainRequest& request);

/// Whether another task may go on with it.
bool is_to_be_continued(const TrainRequest& request);

struct Beginning {
    TrainingState state;
    bool resumed = false;  ///< its time says nothing about the cost of the task
};

/// The newest checkpoint of the task; otherwise the state of the rung before; otherwise nets before
/// their first step. They all lead to the same bits.
/// \throws DataError for a warm start that cannot be used
Beginning beginning_of(const TrainRequest& request,
                       const FeatureScaling& scaling,
                       const TrainingStateStore& store,
                       const Log& log);

}  // namespace ratiofarm::trainer
