#include "pace_watch.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace ratiofarm {
namespace {

/// If more time than this passed since the last question, the watcher itself paused.
constexpr double longest_step = 1.0;  // seconds

}  // namespace

void PaceWatch::begin(Instant now) {
    asked_ = now;
    silence_ = longest_ = 0.0;
    seen_ = false;
}

void PaceWatch::count(Instant now) {
    const double step = std::chrono::duration<double>(now - asked_).count();
    silence_ += std::clamp(step, 0.0, longest_step);
    asked_ = now;
}

void PaceWatch::progress(Instant now) {
    count(now);
    if (seen_) longest_ = std::max(longest_, silence_);
    seen_ = true;
    silence_ = 0.0;
}

double PaceWatch::deadline() const {
    if (!seen_) return limits_.first_factor * limits_.least_seconds;
    return std::max(limits_.least_seconds, limits_.factor * longest_);
}

bool PaceWatch::hung(Instant now) {
    count(now);
    return silence_ > deadline();
}

std::string PaceWatch::text() const {
    return seen_ ? fmt::format("no progress for {:.1f} s (its longest pause before was {:.1f} s)",
                               silence_, longest_)
                 : fmt::format("no sign of progress within {:.1f} s of its start", silence_);
}

}  // namespace ratiofarm
