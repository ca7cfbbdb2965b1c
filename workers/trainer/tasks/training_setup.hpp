#pragma once

#include <string>
#include <vector>

#include "protocol/task_file.hpp"
#include "protocol/trainer_protocol.hpp"
#include "workers/trainer/events/pack_batches.hpp"
#include "workers/trainer/events/training_events.hpp"

/// Checks a training request and prepares the first step.
namespace ratiofarm::trainer {

/// \throws ConfigError for options that make no sense: no epochs, a layer of width 0
void require_sensible(const TrainRequest& request);

/// \throws DataError if the training events are too few for a batch
void expect_enough(const TrainingEvents& events, const TrainRequest& request);

/// Nets before the first step: initialised, or warm.
/// \throws DataError for a warm start that cannot be used
TrainingState first_state(const TrainRequest& request, const FeatureScaling& scaling);

/// Each net reads the features with the scaling that its row begins with.
std::vector<TableReader> readers_of(const TrainRequest& request,
                                    const TrainingEvents& events,
                                    const TrainingState& state);

/// Bytes that the large parts of a training take, estimated from its request.
struct MemoryNeeds {
    double nets = 0.0;    ///< weights, gradient, moments and best weights of all nets
    double passes = 0.0;  ///< what the passes of a batch keep, over all nets
    double events = 0.0;  ///< at most: as if no event were left out
};
MemoryNeeds memory_needs(const TrainRequest& request);

/// Where an out-of-memory task needs its bytes, and which options make that less.
std::string what_to_shrink(const TrainRequest& request);
std::string what_to_shrink(const InferRequest& request);

}  // namespace ratiofarm::trainer
