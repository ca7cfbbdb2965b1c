#include "feature_scaling.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

namespace ratiofarm::trainer {
namespace {

/// What is known of one feature.
struct Range {
    double mean = 0.0;
    double variance = 0.0;
    float smallest = std::numeric_limits<float>::infinity();
    float largest = -std::numeric_limits<float>::infinity();

    /// Below this the deviation is rounding of a constant, not a width.
    bool varies() const { return variance > 0.0 && variance > 1e-14 * mean * mean; }
};

std::vector<Range> ranges_of(const FeatureTable& table) {
    const std::size_t inputs = table.features.size();
    const double total = std::accumulate(table.weights.begin(), table.weights.end(), 0.0);
    std::vector<Range> ranges(inputs);
    const auto for_each = [&](auto&& action) {
        for (std::size_t row = 0; row < table.weights.size(); ++row) {
            for (std::size_t input = 0; input < inputs; ++input) {
                action(ranges[input], table.values[row * inputs + input],
                       table.weights[row] / total);
            }
        }
    };
    for_each([](Range& range, float value, double weight) {
        range.mean += weight * static_cast<double>(value);
        range.smallest = std::min(range.smallest, value);
        range.largest = std::max(range.largest, value);
    });
    for_each([](Range& range, float value, double weight) {
        const double distance = static_cast<double>(value) - range.mean;
        range.variance += weight * distance * distance;
    });
    return ranges;
}

}  // namespace

FeatureScaling feature_scaling(const FeatureTable& table, Scaling scaling) {
    RATIOFARM_EXPECT(table.values.size() == table.weights.size() * table.features.size());
    const std::vector<Range> ranges = ranges_of(table);
    FeatureScaling result;
    for (std::size_t input = 0; input < ranges.size(); ++input) {
        const Range& range = ranges[input];
        if (!range.varies()) {
            throw DataError("feature column " + std::to_string(table.features[input]) + " is " +
                            std::to_string(range.mean) +
                            " for every training event: a constant cannot separate anything "
                            "(remove it from events.features)");
        }
        const double smallest = range.smallest;
        const double largest = range.largest;
        const bool standard = scaling == Scaling::standard;
        const bool none = scaling == Scaling::none;
        result.shift.push_back(static_cast<float>(none       ? 0.0
                                                  : standard ? range.mean
                                                             : (smallest + largest) / 2.0));
        result.scale.push_back(static_cast<float>(none       ? 1.0
                                                  : standard ? 1.0 / std::sqrt(range.variance)
                                                             : 2.0 / (largest - smallest)));
    }
    return result;
}

}  // namespace ratiofarm::trainer
