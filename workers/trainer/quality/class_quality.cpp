#include "class_quality.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "ratiofarm/core/contracts.hpp"

#include "scored_events.hpp"

namespace ratiofarm::trainer {
namespace {

constexpr double not_measured = std::numeric_limits<double>::quiet_NaN();

bool is_finite(std::span<const float> values) {
    return std::ranges::all_of(values, [](float value) { return std::isfinite(value); });
}

/// ln(s_k / (1 - s_k)): the logit of one class against all others.
double log_odds(std::span<const float> logits, std::size_t of) {
    double largest = -std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < logits.size(); ++k) {
        if (k != of) largest = std::max(largest, double{logits[k]});
    }
    double others = 0.0;
    for (std::size_t k = 0; k < logits.size(); ++k) {
        if (k != of) others += std::exp(double{logits[k]} - largest);
    }
    return double{logits[of]} - largest - std::log(others);
}

/// Total weight of each class over the events whose logits are finite; empty if one has none.
std::vector<double> class_sums(const ScoredClasses& table) {
    std::vector<double> sums(table.classes, 0.0);
    for (std::size_t event = 0; event < table.events(); ++event) {
        if (!is_finite(table.logits_of(event))) continue;
        const auto weights = table.weights_of(event);
        for (std::size_t k = 0; k < table.classes; ++k) sums[k] += double{weights[k]};
    }
    const bool usable = std::ranges::all_of(sums, [](double sum) { return sum > 0.0; });
    return usable ? sums : std::vector<double>{};
}

/// One class against the others, which weigh the same each. Both sums are 1.
std::vector<ScoredEvent> one_against_rest(const ScoredClasses& table,
                                          const std::vector<double>& sums,
                                          std::size_t of) {
    std::vector<ScoredEvent> events;
    const auto others = static_cast<double>(table.classes - 1);
    for (std::size_t row = 0; row < table.events(); ++row) {
        const auto logits = table.logits_of(row);
        if (!is_finite(logits)) continue;
        ScoredEvent event{.z = log_odds(logits, of), .a = 0.0, .b = 0.0, .row = row};
        for (std::size_t k = 0; k < table.classes; ++k) {
            const double share = double{table.weights_of(row)[k]} / sums[k];
            (k == of ? event.a : event.b) += k == of ? share : share / others;
        }
        events.push_back(event);
    }
    return events;
}

/// Mean of C s_k over the mixture of all classes, minus 1.
void measure_class_excess(const std::vector<ScoredEvent>& events,
                          std::size_t classes,
                          NetQuality& quality) {
    const auto others = static_cast<double>(classes - 1);
    double mean = 0.0;  // of s_k in class k
    double rest = 0.0;  // and in the mixture of the others
    for (const ScoredEvent& event : events) {
        mean += event.a * sigmoid(event.z);
        rest += event.b * sigmoid(event.z);
    }
    double variance = 0.0;
    for (const ScoredEvent& event : events) {
        const double score = sigmoid(event.z);
        const double term = event.a * (score - mean) + others * event.b * (score - rest);
        variance += term * term;
    }
    quality.class_excess.push_back(mean + others * rest - 1.0);
    quality.class_excess_error.push_back(std::sqrt(variance));
}

void measure_slope(const std::vector<ScoredEvent>& events, NetQuality& quality) {
    const LogisticFit fit = logistic_fit(events);
    quality.class_slope.push_back(fit.slope);
    quality.class_slope_error.push_back(fit.slope_error);
}

double spread(const std::vector<ScoredEvent>& events) {
    const auto count = static_cast<double>(events.size());
    double mean = 0.0;
    double variance = 0.0;
    for (const ScoredEvent& event : events) mean += event.z / count;
    for (const ScoredEvent& event : events) variance += std::pow(event.z - mean, 2) / count;
    return std::sqrt(variance);
}

/// Index of the class whose number is farthest from `perfect` in units of its error; the first one
/// if none has a number.
std::size_t worst(const std::vector<double>& values,
                  const std::vector<double>& errors,
                  double perfect) {
    std::size_t found = 0;
    double distance = -1.0;
    for (std::size_t k = 0; k < values.size(); ++k) {
        const double here = std::abs(values[k] - perfect) / errors[k];
        if (!(here > distance)) continue;
        distance = here;
        found = k;
    }
    return found;
}

void measure_class(const ScoredClasses& validation,
                   const std::vector<double>& sums,
                   std::size_t of,
                   NetQuality& quality) {
    const auto events = one_against_rest(validation, sums, of);
    measure_class_excess(events, validation.classes, quality);
    measure_slope(events, quality);
    quality.logit_spread = std::max(quality.logit_spread, spread(events));
}

void measure_class_overtraining(const std::vector<ScoredEvent>& validation,
                                const std::vector<ScoredEvent>& training,
                                NetQuality& quality) {
    const Distance distance = kolmogorov_distance(validation, training, &ScoredEvent::a);
    if (distance.value <= quality.overtraining) return;
    quality.overtraining = distance.value;
    quality.overtraining_noise = distance.noise;
}

void choose_worst(NetQuality& quality) {
    const std::size_t excess = worst(quality.class_excess, quality.class_excess_error, 0.0);
    quality.excess = quality.class_excess[excess];
    quality.excess_error = quality.class_excess_error[excess];
    const std::size_t slope = worst(quality.class_slope, quality.class_slope_error, 1.0);
    quality.calibration_slope = quality.class_slope[slope];
    quality.slope_error = quality.class_slope_error[slope];
}

}  // namespace

void normalise_log_probabilities(std::span<double> z) {
    const double largest = std::ranges::max(z);
    double sum = 0.0;
    for (const double value : z) sum += std::exp(value - largest);
    const double norm = largest + std::log(sum);
    for (double& value : z) value -= norm;
}

NetQuality measure_classes(const ScoredClasses& validation, const ScoredClasses& training) {
    RATIOFARM_EXPECT(validation.classes >= 2 && validation.classes == training.classes);
    RATIOFARM_EXPECT(validation.weights.size() == validation.logits.size());
    RATIOFARM_EXPECT(training.weights.size() == training.logits.size());
    NetQuality quality;
    quality.constant_loss = std::log(static_cast<double>(validation.classes));
    for (std::size_t event = 0; event < validation.events(); ++event) {
        if (!is_finite(validation.logits_of(event))) quality.not_finite += 1;
    }
    const auto sums = class_sums(validation);
    if (sums.empty()) {  // what could not be measured must not look perfect
        quality.excess = quality.excess_error = quality.calibration_slope = quality.slope_error =
            quality.overtraining = quality.overtraining_noise = quality.logit_spread = not_measured;
        return quality;
    }
    const auto training_sums = class_sums(training);
    for (std::size_t k = 0; k < validation.classes; ++k) {
        measure_class(validation, sums, k, quality);
        if (training_sums.empty()) continue;
        measure_class_overtraining(one_against_rest(validation, sums, k),
                                   one_against_rest(training, training_sums, k), quality);
    }
    choose_worst(quality);
    return quality;
}

}  // namespace ratiofarm::trainer
