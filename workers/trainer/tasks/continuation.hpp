#pragma once

#include <cstdint>

#include "ratiofarm/core/log.hpp"

#include "protocol/task_file.hpp"
#include "protocol/trainer_protocol.hpp"
#include "workers/trainer/events/feature_scaling.hpp"

#include "training_state_store.hpp"

/// Where a training begins and where it ends, if it is a rung of a search.
namespace ratiofarm {

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

}  // namespace ratiofarm
