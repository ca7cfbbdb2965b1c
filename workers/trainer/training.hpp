#pragma once

#include "ratiofarm/core/log.hpp"
#include "ratiofarm/core/trainer_protocol.hpp"

#include "device.hpp"
#include "task_control.hpp"

namespace ratiofarm {

/// Trains the net of a request and publishes its TrainingResult; continues from a checkpoint if
/// there is a usable one. Interrupted at any step and continued, it ends with the same bits.
///
/// One epoch goes through all training events once, in the order Permutation(events, key from
/// (shuffle_seed, epoch)); its last batch holds what is left and may be smaller. After each epoch
/// the validation loss decides whether these are the best weights so far; those of the best
/// epoch are the result. The training stops `patience` epochs after the best one.
/// \throws DataError for events that cannot be used, NumericalError naming the epoch if a loss is
///         not finite or negative, ConfigError for options that are not available, SystemError
TrainerOutcome train(const TrainRequest& request,
                     DeviceKind device,
                     TaskControl& control,
                     const Log& log);

}  // namespace ratiofarm
