#pragma once

#include <vector>

#include "protocol/task_file.hpp"
#include "protocol/trainer_protocol.hpp"
#include "workers/trainer/events/pack_batches.hpp"
#include "workers/trainer/events/training_events.hpp"

/// Checks a training request and prepares the first step.
namespace ratiofarm {

/// \throws ConfigError for options that make no sense: no epochs, a layer of width 0
void require_sensible(const TrainRequest& request);

/// load_training_events(), which must be enough for a batch.
/// \throws DataError
TrainingEvents load_enough_events(const TrainRequest& request);

/// Nets before the first step: initialised, or warm.
/// \throws DataError for a warm start that cannot be used
TrainingState first_state(const TrainRequest& request, const FeatureScaling& scaling);

/// Each net reads the features with the scaling that its row begins with.
std::vector<TableReader> readers_of(const TrainRequest& request,
                                    const TrainingEvents& events,
                                    const TrainingState& state);

}  // namespace ratiofarm
