#pragma once

#include <functional>
#include <span>
#include <vector>

#include "protocol/task_file.hpp"
#include "protocol/trainer_protocol.hpp"
#include "workers/trainer/events/pack_batches.hpp"
#include "workers/trainer/quality/held_out_gain.hpp"

#include "pack_trainer.hpp"

namespace ratiofarm::trainer {

/// The nets of a task on the inference events of their fold, in both classes: events that neither
/// trained them nor stopped their training. Read block by block; only their logits are kept.
class HeldOut {
public:
    /// \param readers  of the nets; all must outlive this object
    HeldOut(const TrainRequest& request,
            const std::vector<TableReader>& readers,
            DeviceKind device);

    /// Fills held_out_gain, held_out_error and held_out_events of the nets that did not fail. The
    /// pack holds the rows of the nets already.
    /// \param go_on  asked after each pass
    /// \return false if that gave the answer false
    /// \throws DataError naming file and sample: a value that is not finite
    bool measure(PackTrainer& trainer,
                 std::span<TrainedNet> nets,
                 const std::function<bool()>& go_on) const;

private:
    using Components = std::vector<std::vector<HeldOutComponent>>;  ///< [nets][components]

    bool add_component(const ClassComponent& component,
                       TrainedClass in,
                       PackTrainer& trainer,
                       Components& components,
                       const std::function<bool()>& go_on) const;

    const TrainRequest& request_;
    std::vector<TableReader> readers_;  ///< without draws
    DeviceKind device_;
};

}  // namespace ratiofarm::trainer
