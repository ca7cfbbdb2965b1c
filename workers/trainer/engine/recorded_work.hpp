#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "device.hpp"

namespace ratiofarm::trainer {

/// What a piece of work reads: where it lies and how much of it there is.
struct WorkInput {
    const void* data = nullptr;
    std::int64_t size = 0;
    bool operator==(const WorkInput&) const = default;
};

/// Work that is done many times with the same operations on the same memory. On a GPU it is
/// recorded as a CUDA graph and then repeated by one launch; elsewhere it is simply done.
class RecordedWork {
public:
    explicit RecordedWork(DeviceKind device);
    ~RecordedWork();

    /// Does the work: as it is at first, so that libraries have allocated what they need, and for
    /// inputs other than the largest; recorded and repeated from then on. Work on a GPU must
    /// not wait for it.
    /// \throws NumericalError if the GPU refuses
    void run(const WorkInput& input, const std::function<void()>& work);

    /// To be called when the work changes.
    void forget();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace ratiofarm::trainer
