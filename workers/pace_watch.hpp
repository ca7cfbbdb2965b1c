#pragma once

#include <chrono>
#include <string>

namespace ratiofarm {

/// When a task without progress counts as hung.
struct PaceLimits {
    double least_seconds = 120.0;  ///< never sooner
    double factor = 20.0;          ///< of the task's own longest pause between signs of progress
    double first_factor =
        5.0;  ///< of least_seconds: allowed before the first sign (reading events)
};

/// Tells a hung task from a slow one by the task's own pace. Counts only time in which it was asked
/// itself: when the whole job was suspended, or the wall clock jumped, nobody has hung.
class PaceWatch {
public:
    using Instant = std::chrono::steady_clock::time_point;

    explicit PaceWatch(PaceLimits limits) : limits_(limits) {}

    void begin(Instant now);     ///< a task starts
    void progress(Instant now);  ///< a sign of progress
    bool hung(Instant now);      ///< to be asked at least once a second

    /// "no progress for 40 s (its longest pause before was 1.5 s)"
    std::string text() const;

private:
    void count(Instant now);
    double deadline() const;

    PaceLimits limits_;
    Instant asked_{};
    double silence_ = 0.0;  ///< seconds since the last sign
    double longest_ = 0.0;  ///< pause between two signs of this task, seconds
    bool seen_ = false;
};

}  // namespace ratiofarm
