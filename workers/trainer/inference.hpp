#pragma once

#include "ratiofarm/core/log.hpp"
#include "ratiofarm/core/trainer_protocol.hpp"

#include "device.hpp"
#include "task_control.hpp"

namespace ratiofarm {

/// Evaluates an ensemble on the inference-split events of a range of rows and publishes the
/// RatioBlock. Every pass has the same number of events, the last one padded: an event's bits do
/// not depend on how the rows were cut into ranges. A stop drops the work.
/// \throws DataError for events or members that cannot be used, NumericalError naming member and
///         event if a logit is not finite, SystemError
TrainerOutcome infer(const InferRequest& request, DeviceKind device, TaskControl& control);

}  // namespace ratiofarm
