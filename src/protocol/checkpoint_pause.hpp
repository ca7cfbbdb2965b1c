#pragma once

#include <algorithm>

namespace ratiofarm {

/// Seconds from one checkpoint to the next: as wanted, but a pause of a minute or more is stretched
/// so that checkpoints take at most a hundredth of the time. Shorter ones are a deliberate choice.
/// \param wanted training.checkpoint_seconds
/// \param last_took seconds that the last checkpoint took; 0 before it
inline double checkpoint_pause(double wanted, double last_took) {
    constexpr double least_stretched = 60.0;
    return wanted < least_stretched ? wanted : std::max(wanted, 100.0 * last_took);
}

}  // namespace ratiofarm
