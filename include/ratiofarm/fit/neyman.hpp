#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ratiofarm {

/// A value that a test statistic exceeds with a known probability, from toys.
struct Threshold {
    double level = 0.6827;  ///< probability to stay below
    double value = 0.0;     ///< infinite if the toys are too few
    double error = 0.0;     ///< statistical, of the toys; infinite if they are too few
    std::uint64_t toys = 0;
    bool operator==(const Threshold&) const = default;
};

/// The order statistic k = ceil(level (n + 1)) of n toys: a new toy stays below it with probability
/// k / (n + 1), whatever the distribution. Its error is half the distance of the order statistics
/// at k -+ sqrt(n level (1 - level)).
/// \param sorted ascending, no NaN  \param level in (0, 1)
Threshold threshold_of(std::span<const double> sorted, double level);

/// A probability estimated by counting, with its binomial error (never 0: at least that of one
/// toy).
struct Fraction {
    double value = 0.0;
    double error = 0.0;
    bool operator==(const Fraction&) const = default;
};

/// \param n > 0
Fraction fraction_of(std::uint64_t count, std::uint64_t n);

/// The fraction of toys whose test statistic is at least this: a p-value.
/// \param sorted ascending, not empty, no NaN
Fraction fraction_from(std::span<const double> sorted, double observed);

/// One value of the parameter of interest in a Neyman construction.
struct NeymanPoint {
    double poi = 0.0;
    double observed = 0.0;   ///< test statistic of the data
    double threshold = 0.0;  ///< from toys at this value
};

/// A stretch of accepted values.
struct AcceptedRange {
    double low = 0.0;
    double high = 0.0;
    bool low_at_end = false;   ///< the grid ends here, the range may go on
    bool high_at_end = false;  ///< likewise
    bool operator==(const AcceptedRange&) const = default;
};

/// Where the data are accepted, observed <= threshold; the ends between two points where the
/// difference, taken as linear, vanishes. With several minima there may be several ranges; none
/// means that no value of the grid is accepted.
/// \param points ascending in poi, thresholds finite
std::vector<AcceptedRange> accepted_ranges(std::span<const NeymanPoint> points);

}  // namespace ratiofarm
