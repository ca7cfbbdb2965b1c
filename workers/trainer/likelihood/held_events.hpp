#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "protocol/event_sums.hpp"
#include "workers/trainer/engine/device.hpp"

namespace ratiofarm::trainer {

/// Lists of a likelihood's events on the device, and sums over them: the same ATen calls on CPU and
/// GPU. What the sums are: MixtureSums and ReferenceSums of the fit, whose kernels are the oracle.
class HeldEvents {
public:
    explicit HeldEvents(DeviceKind device);
    ~HeldEvents();
    HeldEvents(const HeldEvents&) = delete;
    HeldEvents& operator=(const HeldEvents&) = delete;

    /// Copies a piece to the device, where it is summed by itself: the memory of a sum is that of
    /// one piece. \throws DataError for lengths that contradict each other; c10::Error
    void hold(const HoldEventsRequest& request);

    /// \throws DataError for a list that is not held or a point of another layout; c10::Error
    std::vector<double> sum(const SumEventsRequest& request) const;

    void forget(std::uint32_t list);

private:
    struct Lists;
    std::unique_ptr<Lists> lists_;
    DeviceKind device_;
};

}  // namespace ratiofarm::trainer
