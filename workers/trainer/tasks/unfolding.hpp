#pragma once

#include "ratiofarm/core/log.hpp"

#include "protocol/trainer_protocol.hpp"
#include "workers/trainer/engine/device.hpp"

#include "task_control.hpp"

namespace ratiofarm::trainer {

/// Does one step of an unfolding and publishes its UnfoldResult. Between the results of the tasks
/// before it and its own stand only the net and the functions of unfolding_step.hpp. A net that
/// diverged or is beyond the limits is trained again with the seeds of the next attempt.
/// Interrupted and continued, it ends with the same bits. \throws DataError for events that cannot
/// be used, or if no attempt gave a net; ConfigError,
///         NumericalError, SystemError
TrainerOutcome unfold(const UnfoldRequest& request,
                      DeviceKind device,
                      TaskControl& control,
                      const Log& log);

/// The training of one attempt.
TrainRequest training_of(const UnfoldRequest& request, std::size_t attempt);

}  // namespace ratiofarm::trainer
