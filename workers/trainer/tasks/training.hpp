#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "ratiofarm/core/log.hpp"
#include "ratiofarm/protocol/trained_net.hpp"

#include "protocol/trainer_protocol.hpp"
#include "workers/trainer/engine/device.hpp"
#include "workers/trainer/events/training_events.hpp"

#include "task_control.hpp"

namespace ratiofarm::trainer {

/// Where a task runs.
struct TaskSurroundings {
    DeviceKind device;
    TaskControl& control;
    const Log& log;
};

/// The bytes of the task file that nets which are trained and measured become; nothing: they are
/// not good enough, nothing is published and their checkpoint stays. \param go_on  asked now and
/// then; if it is false the task ends and the answer does not count
using MakeResult = std::function<std::optional<std::vector<std::byte>>(
    std::vector<TrainedNet>& nets, const std::function<bool()>& go_on)>;

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

/// What train() does, on events that are weighed already and to another result. The samples of the
/// request only say which files must stay as they are. The caller sets threads and inference mode.
TrainerOutcome train_on(TrainingEvents events,
                        const TrainRequest& request,
                        const MakeResult& make_result,
                        const TaskSurroundings& around);

}  // namespace ratiofarm::trainer
