#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "net_quality.hpp"

/// What the measures of a net's quality are made of.
namespace ratiofarm::trainer {

/// A validation or training event with a finite logit.
struct ScoredEvent {
    double z = 0.0;  ///< calibrated logit
    double a = 0.0;  ///< weight in the numerator; sums to 1 over all events
    double b = 0.0;  ///< in the denominator; likewise
    std::size_t row = 0;

    /// The ratio; cut far beyond where it means anything, so that sums stay finite.
    double r() const { return std::exp(std::clamp(z, -60.0, 60.0)); }
};

/// Events whose logit is finite, in table order, each class scaled to 1. None if a class has no
/// positive total weight.
std::vector<ScoredEvent> balanced_events(const ScoredTable& table,
                                         const CalibrationMap& calibration);

inline double sigmoid(double z) { return 1.0 / (1.0 + std::exp(-z)); }

struct WeightedValue {
    double value = 0.0;
    double weight = 0.0;  ///< >= 0
};

/// Edges of bins of equal weight, increasing; fewer than bins - 1 where many values are the same.
std::vector<double> quantile_edges(std::vector<WeightedValue> values, std::size_t bins);

/// Number of edges that are not above the value.
inline std::size_t bin_of(const std::vector<double>& edges, double value) {
    return static_cast<std::size_t>(std::upper_bound(edges.begin(), edges.end(), value) -
                                    edges.begin());
}

/// Fit of sigmoid(c + k z) to the class by the weighted cross-entropy.
struct LogisticFit {
    double offset = 0.0;       ///< c
    double slope = 0.0;        ///< k; NaN where it is not determined
    double slope_error = 0.0;  ///< sandwich formula
    bool converged = false;    ///< not for classes that the logit separates
};
LogisticFit logistic_fit(const std::vector<ScoredEvent>& events);

struct Distance {
    double value = 0.0;
    double noise = 0.0;  ///< that equal distributions exceed once in 1000
};

/// Largest difference of the cumulative distributions of z. \param weight of the class
Distance kolmogorov_distance(const std::vector<ScoredEvent>& one,
                             const std::vector<ScoredEvent>& other,
                             double ScoredEvent::*weight);

}  // namespace ratiofarm::trainer
