#pragma once

#include "ratiofarm/core/log.hpp"

#include "protocol/trainer_protocol.hpp"
#include "workers/trainer/engine/device.hpp"

#include "task_control.hpp"

namespace ratiofarm::trainer {

/// Trains the nets of a request in step and publishes their TrainingResult; continues from a
/// checkpoint if there is a usable one. Interrupted at any step and continued, it ends with the
/// same bits.
///
/// One epoch goes through all training events once, for each net in the order Permutation(events,
/// key from (its shuffle_seed, epoch)); its last batch holds what is left and may be smaller. After
/// each epoch the validation loss of a net decides whether these are its best weights so far and
/// whether it stops, `patience` epochs after the best one; it then stays as it is while the others
/// go on. A net whose loss is not finite or negative stops with TrainedNet::failure, and the task
/// does not fail. A rung of a search ends after Continuation::stop_epoch and leaves its state for
/// the next one. At the end the quality of each net is measured with the weights that are kept.
/// \throws DataError for events or a warm start that cannot be used, ConfigError for options that
///         make no sense or are not available, SystemError
TrainerOutcome train(const TrainRequest& request,
                     DeviceKind device,
                     TaskControl& control,
                     const Log& log);

}  // namespace ratiofarm::trainer
