#pragma once

#include <optional>
#include <string>
#include <vector>

#include "trainer_link.hpp"

namespace ratiofarm {

/// A trainer that keeps the events of a likelihood and sums over them. One question at a time;
/// each call waits for its answer.
class SumsTrainer {
public:
    /// Starts the trainer. \param launcher, log outlive this  \throws SystemError
    SumsTrainer(LauncherHandle& launcher,
                const Placement& placement,
                DeviceClass device,
                const Log& log);

    /// \param request HoldEventsRequest, SumEventsRequest or ForgetEventsRequest
    /// \return the sums, if some were asked for
    /// \throws SystemError if the trainer is gone or its device has no memory left: what it held is
    ///         lost; DataError if it refuses the request
    std::vector<double> ask(const TrainerRequest& request);

private:
    std::optional<TrainerReply> wait_for_reply();

    TrainerLink trainer_;
    DeviceClass device_;
};

}  // namespace ratiofarm
