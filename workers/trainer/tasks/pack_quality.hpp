#pragma once

#include <functional>
#include <span>
#include <vector>

#include "ratiofarm/protocol/training_options.hpp"

#include "protocol/task_file.hpp"
#include "workers/trainer/events/pack_batches.hpp"

#include "pack_trainer.hpp"

namespace ratiofarm::trainer {

/// Quality and calibration of the nets of a pack, each measured on its validation events with the
/// weights of its own draw; the overtraining distance on at most 200000 training events.
class PackQuality {
public:
    PackQuality(const TrainingEvents& events,
                const Network& network,
                const std::vector<TableReader>& readers,
                std::int64_t capacity,
                DeviceKind device);

    /// Fills `quality` and `calibration` of the nets that did not fail. The weights of the pack are
    /// overwritten by the rows of the nets.
    /// \param go_on  asked after each pass
    /// \return false if that gave the answer false
    bool measure(PackTrainer& trainer,
                 std::span<TrainedNet> nets,
                 CalibrationMethod calibration,
                 const std::function<bool()>& go_on);

private:
    /// [nets, rows * outputs] of a part; nothing if told to stop.
    std::vector<std::vector<float>> logits(PackTrainer& trainer,
                                           PackBatches& batches,
                                           const std::function<bool()>& go_on) const;

    std::uint64_t features_;  ///< whose closure is measured: the first numbers of an event
    std::uint64_t scaled_;    ///< numbers of the scaling in a net's row, twice
    const std::vector<TableReader>& readers_;
    const TrainingRows& validation_;
    TrainingRows training_;  ///< some of them
    PackBatches validation_batches_;
    PackBatches training_batches_;
};

}  // namespace ratiofarm::trainer
