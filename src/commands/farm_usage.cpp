#include "farm_usage.hpp"

#include <algorithm>

namespace ratiofarm {

void FarmUsage::begin(WorkerId worker, double now) {
    end(worker, now);
    workers_[worker].since = now;
}

void FarmUsage::end(WorkerId worker, double now) {
    Times& times = workers_[worker];
    if (!times.since) return;
    times.busy += now - *times.since;
    times.last_end = now;
    times.since.reset();
}

Usage FarmUsage::summary(double now) const {
    Usage usage{.seconds = now, .workers = workers_.size()};
    const double tail_begin = tail_begin_.value_or(now);
    usage.tail_seconds = now - tail_begin;
    for (const auto& [worker, times] : workers_) {
        usage.busy_seconds += times.busy + (times.since ? now - *times.since : 0.0);
        const double free_since = times.since ? now : std::max(times.last_end, tail_begin);
        usage.tail_idle_seconds += now - free_since;
    }
    return usage;
}

}  // namespace ratiofarm
