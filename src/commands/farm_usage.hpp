#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "ratiofarm/farm/task.hpp"

namespace ratiofarm {

/// What the workers of a farm did with their time.
struct Usage {
    double seconds = 0.0;  ///< of the farm
    std::uint64_t workers = 0;
    double busy_seconds = 0.0;       ///< over all workers
    double tail_seconds = 0.0;       ///< from the moment on when no task waited any more
    double tail_idle_seconds = 0.0;  ///< over all workers, within the tail

    double utilisation() const {
        const double whole = seconds * static_cast<double>(workers);
        return whole > 0.0 ? busy_seconds / whole : 0.0;
    }
};

/// Adds up busy times from what rank 0 sees. Times are seconds since the farm began.
class FarmUsage {
public:
    void add_worker(WorkerId worker) { workers_.try_emplace(worker); }
    void begin(WorkerId worker, double now);  ///< an attempt; ends the one before
    void end(WorkerId worker, double now);
    void nothing_waits(double now) { tail_begin_ = now; }  ///< the last call counts

    Usage summary(double now) const;

private:
    struct Times {
        std::optional<double> since;
        double busy = 0.0;
        double last_end = 0.0;
    };

    std::map<WorkerId, Times> workers_;
    std::optional<double> tail_begin_;
};

}  // namespace ratiofarm
