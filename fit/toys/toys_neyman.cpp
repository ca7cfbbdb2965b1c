#include <algorithm>
#include <cmath>
#include <limits>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/fit/neyman.hpp"

namespace ratiofarm {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Order statistic k, counted from 1; what lies before the first or behind the last is unknown.
double order_statistic(std::span<const double> sorted, double k) {
    if (!(k <= static_cast<double>(sorted.size()))) return infinity;
    return sorted[static_cast<std::size_t>(std::max(k, 1.0)) - 1];
}

}  // namespace

Threshold threshold_of(std::span<const double> sorted, double level) {
    RATIOFARM_EXPECT(level > 0.0 && level < 1.0);
    const auto n = static_cast<double>(sorted.size());
    // A level that is k / (n + 1) up to rounding means k, not k + 1.
    const double k = std::ceil(level * (n + 1.0) * (1.0 - 1e-12));
    const double spread = std::sqrt(n * level * (1.0 - level));
    Threshold threshold{level, order_statistic(sorted, k), infinity, sorted.size()};
    if (std::isinf(threshold.value)) return threshold;
    const double above = order_statistic(sorted, std::ceil(k + spread));
    const double below = order_statistic(sorted, std::floor(k - spread));
    threshold.error = 0.5 * (above - below);
    return threshold;
}

Fraction fraction_of(std::uint64_t count, std::uint64_t n) {
    RATIOFARM_EXPECT(n > 0 && count <= n);
    const auto all = static_cast<double>(n);
    const double p = static_cast<double>(count) / all;
    return {p, std::max(std::sqrt(p * (1.0 - p) / all), 1.0 / all)};
}

Fraction fraction_from(std::span<const double> sorted, double observed) {
    const auto first = std::lower_bound(sorted.begin(), sorted.end(), observed);
    return fraction_of(static_cast<std::uint64_t>(sorted.end() - first), sorted.size());
}

std::vector<AcceptedRange> accepted_ranges(std::span<const NeymanPoint> points) {
    std::vector<AcceptedRange> ranges;
    const auto excess = [&](std::size_t i) { return points[i].observed - points[i].threshold; };
    const auto crossing = [&](std::size_t i) {  // between points i - 1 and i
        const double before = excess(i - 1);
        const double share = before / (before - excess(i));
        return points[i - 1].poi + share * (points[i].poi - points[i - 1].poi);
    };
    bool inside = false;
    for (std::size_t i = 0; i < points.size(); ++i) {
        RATIOFARM_EXPECT(i == 0 || points[i].poi > points[i - 1].poi);
        RATIOFARM_EXPECT(std::isfinite(points[i].threshold));
        const bool accepted = excess(i) <= 0.0;
        if (accepted && !inside) {
            ranges.push_back({.low = i == 0 ? points[i].poi : crossing(i), .low_at_end = i == 0});
        }
        if (!accepted && inside) ranges.back().high = crossing(i);
        inside = accepted;
    }
    if (inside) {
        ranges.back().high = points.back().poi;
        ranges.back().high_at_end = true;
    }
    return ranges;
}

}  // namespace ratiofarm
