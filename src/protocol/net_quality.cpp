#include "ratiofarm/protocol/net_quality.hpp"

#include <algorithm>
#include <cmath>

namespace ratiofarm {

float calibrated(std::span<const float> knots,
                 std::span<const float> calibrated_knots,
                 float logit) noexcept {
    if (knots.empty() || std::isnan(knots.front()) || !std::isfinite(logit)) return logit;
    // The padding counts as above every logit.
    const auto above = std::upper_bound(knots.begin(), knots.end(), logit,
                                        [](float x, float knot) { return !(knot <= x); });
    if (above == knots.begin()) return logit + (calibrated_knots.front() - knots.front());
    const auto right = static_cast<std::size_t>(above - knots.begin());
    const std::size_t left = right - 1;
    if (above == knots.end() || std::isnan(*above)) {
        return logit + (calibrated_knots[left] - knots[left]);
    }
    const float part = (logit - knots[left]) / (knots[right] - knots[left]);
    return calibrated_knots[left] + part * (calibrated_knots[right] - calibrated_knots[left]);
}

float calibrated(const CalibrationMap& map, float logit) noexcept {
    return calibrated(map.logit, map.calibrated, logit);
}

}  // namespace ratiofarm
