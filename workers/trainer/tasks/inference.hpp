#pragma once

#include "ratiofarm/core/log.hpp"

#include "protocol/trainer_protocol.hpp"
#include "workers/trainer/engine/device.hpp"

#include "task_control.hpp"

namespace ratiofarm::trainer {

/// Evaluates an ensemble on the events of one part of a range of rows and publishes the RatioBlock,
/// of a classifier the ScoreBlock. One pass over the events: every net sees a block of them before
/// the next is read, and its logits are reduced at once; memory grows with the events, not with the
/// nets, unless keep_members asks for them. Only the nets of its fold see an event of a
/// fold. Its bits depend neither on how the rows were cut into ranges nor on the other nets. A stop
/// drops the work.
/// \throws DataError for events or members that cannot be used, NumericalError naming member and
///         row if a logit is not finite, SystemError
TrainerOutcome infer(const InferRequest& request, DeviceKind device, TaskControl& control);

}  // namespace ratiofarm::trainer
