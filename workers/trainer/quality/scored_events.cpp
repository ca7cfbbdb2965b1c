#include "scored_events.hpp"

#include <limits>

namespace ratiofarm::trainer {
namespace {

struct Moments {
    double gradient_offset = 0.0;  ///< of the loss by c
    double gradient_slope = 0.0;   ///< and by k
    double cc = 0.0;               ///< second derivatives
    double ck = 0.0;
    double kk = 0.0;
    double scores_cc = 0.0;  ///< sums over events of products of their gradients
    double scores_ck = 0.0;
    double scores_kk = 0.0;

    double determinant() const { return cc * kk - ck * ck; }
};

Moments moments(const std::vector<ScoredEvent>& events, const LogisticFit& at) {
    Moments sum;
    for (const ScoredEvent& event : events) {
        const double p = sigmoid(at.offset + at.slope * event.z);
        const double total = event.a + event.b;
        const double score = total * p - event.a;
        const double curvature = total * p * (1.0 - p);
        sum.gradient_offset += score;
        sum.gradient_slope += score * event.z;
        sum.cc += curvature;
        sum.ck += curvature * event.z;
        sum.kk += curvature * event.z * event.z;
        sum.scores_cc += score * score;
        sum.scores_ck += score * score * event.z;
        sum.scores_kk += score * score * event.z * event.z;
    }
    return sum;
}

double slope_error(const Moments& sum) {
    // The row of the inverse Hessian that belongs to k.
    const double from_offset = -sum.ck / sum.determinant();
    const double from_slope = sum.cc / sum.determinant();
    return std::sqrt(from_offset * from_offset * sum.scores_cc +
                     2.0 * from_offset * from_slope * sum.scores_ck +
                     from_slope * from_slope * sum.scores_kk);
}

/// Sorted by z, with the class's weight.
std::vector<WeightedValue> sorted(const std::vector<ScoredEvent>& events,
                                  double ScoredEvent::*weight) {
    std::vector<WeightedValue> values;
    for (const ScoredEvent& event : events) {
        if (event.*weight != 0.0) values.push_back({event.z, event.*weight});
    }
    std::stable_sort(values.begin(), values.end(),
                     [](const auto& x, const auto& y) { return x.value < y.value; });
    return values;
}

double inverse_effective_count(const std::vector<WeightedValue>& values) {
    double sum = 0.0;
    double squares = 0.0;
    for (const WeightedValue& value : values) {
        sum += value.weight;
        squares += value.weight * value.weight;
    }
    return squares / (sum * sum);
}

}  // namespace

std::vector<ScoredEvent> balanced_events(const ScoredTable& table,
                                         const CalibrationMap& calibration) {
    std::vector<ScoredEvent> events;
    double a = 0.0;
    double b = 0.0;
    for (std::size_t row = 0; row < table.events(); ++row) {
        const float logit = table.logits[row];
        if (!std::isfinite(logit)) continue;
        const double positive = table.positive(row);
        const double negative = table.total(row) - positive;
        events.push_back({calibrated(calibration, logit), positive, negative, row});
        a += positive;
        b += negative;
    }
    if (!(a > 0.0) || !(b > 0.0)) return {};
    for (ScoredEvent& event : events) {
        event.a /= a;
        event.b /= b;
    }
    return events;
}

std::vector<double> quantile_edges(std::vector<WeightedValue> values, std::size_t bins) {
    std::stable_sort(values.begin(), values.end(),
                     [](const auto& x, const auto& y) { return x.value < y.value; });
    double all = 0.0;
    for (const WeightedValue& value : values) all += value.weight;
    const double step = all / static_cast<double>(bins);
    std::vector<double> edges;
    double below = 0.0;
    double wanted = step;
    for (std::size_t i = 0; i + 1 < values.size() && wanted < all - 0.5 * step; ++i) {
        below += values[i].weight;
        const bool ends = values[i + 1].value > values[i].value;  // equal values stay together
        if (!ends || below < wanted) continue;
        edges.push_back(values[i + 1].value);
        while (wanted <= below) wanted += step;
    }
    return edges;
}

LogisticFit logistic_fit(const std::vector<ScoredEvent>& events) {
    constexpr int most_steps = 100;
    constexpr double longest_step = 2.0;
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    LogisticFit fit{.offset = 0.0, .slope = 1.0, .slope_error = nan};
    for (int step = 0; step < most_steps; ++step) {
        const Moments sum = moments(events, fit);
        const double determinant = sum.determinant();
        if (!(determinant > 1e-12 * sum.cc * sum.kk))
            return {0.0, nan, nan, false};  // constant net
        fit.slope_error = slope_error(sum);
        double offset = -(sum.kk * sum.gradient_offset - sum.ck * sum.gradient_slope) / determinant;
        double slope = -(sum.cc * sum.gradient_slope - sum.ck * sum.gradient_offset) / determinant;
        const double length = std::hypot(offset, slope);
        if (length > longest_step) {
            offset *= longest_step / length;
            slope *= longest_step / length;
        }
        fit.offset += offset;
        fit.slope += slope;
        fit.converged = length < 1e-9;
        if (fit.converged) break;
    }
    return fit;
}

Distance kolmogorov_distance(const std::vector<ScoredEvent>& one,
                             const std::vector<ScoredEvent>& other,
                             double ScoredEvent::*weight) {
    constexpr double thousandth = 1.95;  // quantile of the Kolmogorov distribution
    const std::vector<WeightedValue> x = sorted(one, weight);
    const std::vector<WeightedValue> y = sorted(other, weight);
    if (x.empty() || y.empty()) return {};
    double difference = 0.0;
    Distance distance;
    for (std::size_t i = 0, j = 0; i < x.size() || j < y.size();) {
        const double here = i == x.size()   ? y[j].value
                            : j == y.size() ? x[i].value
                                            : std::min(x[i].value, y[j].value);
        for (; i < x.size() && x[i].value == here; ++i) difference += x[i].weight;
        for (; j < y.size() && y[j].value == here; ++j) difference -= y[j].weight;
        distance.value = std::max(distance.value, std::abs(difference));
    }
    distance.noise =
        thousandth * std::sqrt(inverse_effective_count(x) + inverse_effective_count(y));
    return distance;
}

}  // namespace ratiofarm::trainer
