#include "net_quality.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>

#include "ratiofarm/core/contracts.hpp"

#include "scored_events.hpp"

namespace ratiofarm::trainer {
namespace {

constexpr std::size_t most_bins = 20;
constexpr std::size_t least_events = 50;  // of a bin
constexpr std::size_t most_references = 512;
constexpr double saturation = 15.0;
constexpr double unlikely = 5.0;  // standard deviations of a deviation's square
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

using Value = std::function<double(const ScoredEvent&)>;

std::size_t bins_for(std::size_t events) {
    return std::clamp<std::size_t>(events / least_events, 1, most_bins);
}

/// Edges that cut the numerator into bins of equal weight.
std::vector<double> numerator_edges(const std::vector<ScoredEvent>& events, const Value& value) {
    std::vector<WeightedValue> numerator;
    for (const ScoredEvent& event : events) {
        if (event.a != 0.0) numerator.push_back({value(event), std::abs(event.a)});
    }
    const std::size_t bins = bins_for(numerator.size());
    return quantile_edges(std::move(numerator), bins);
}

struct Deviation {
    double rms = 0.0;
    double noise = 0.0;
};

/// Deviation of the denominator, reweighted by scale * r, from the numerator in bins of a value.
Deviation deviation(const std::vector<ScoredEvent>& events, const Value& value, double scale) {
    struct Bin {
        double numerator = 0.0;
        double difference = 0.0;
        double variance = 0.0;
    };
    const std::vector<double> edges = numerator_edges(events, value);
    std::vector<Bin> bins(edges.size() + 1);
    for (const ScoredEvent& event : events) {
        Bin& bin = bins[bin_of(edges, value(event))];
        const double difference = scale * event.r() * event.b - event.a;
        bin.numerator += event.a;
        bin.difference += difference;
        bin.variance += difference * difference;
    }
    double square = 0.0;
    double square_variance = 0.0;
    for (const Bin& bin : bins) {
        if (!(bin.numerator > 0.0)) continue;  // nothing to compare with
        const double error_square = bin.variance / bin.numerator;
        square += bin.difference * bin.difference / bin.numerator - error_square;
        square_variance += 2.0 * error_square * error_square;
    }
    return {std::sqrt(std::max(0.0, square)), std::sqrt(unlikely * std::sqrt(square_variance))};
}

void measure_excess(const std::vector<ScoredEvent>& events, NetQuality& quality) {
    double mean = 0.0;
    for (const ScoredEvent& event : events) mean += event.b * event.r();
    double variance = 0.0;
    for (const ScoredEvent& event : events) {
        const double term = event.b * (event.r() - mean);
        variance += term * term;
    }
    quality.excess = mean - 1.0;
    quality.excess_error = std::sqrt(variance);
}

/// Of the lists of all events, which may have as many particles. What is the same everywhere says
/// nothing that `excess` does not say.
bool is_constant(const std::vector<ScoredEvent>& events, const Value& value) {
    const double first = value(events.front());
    return std::ranges::all_of(events, [&](const auto& event) { return value(event) == first; });
}

void measure_deviations(const std::vector<ScoredEvent>& events,
                        const ScoredTable& table,
                        NetQuality& quality) {
    const auto logit = [](const ScoredEvent& event) { return event.z; };
    const Deviation plain = deviation(events, logit, 1.0);
    const double mean = 1.0 + quality.excess;
    quality.sc_rms = plain.rms;
    quality.sc_noise = plain.noise;
    quality.sc_norm = mean > 0.0 ? deviation(events, logit, 1.0 / mean).rms : nan;
    for (std::size_t index = 0; index < table.features(); ++index) {
        const auto value = [&](const ScoredEvent& event) {
            return double{table.feature(event.row, index)};
        };
        const Deviation closure =
            is_constant(events, value) ? Deviation{} : deviation(events, value, 1.0);
        quality.closure.push_back(closure.rms);
        quality.closure_noise.push_back(closure.noise);
    }
}

void measure_calibration(const std::vector<ScoredEvent>& events, NetQuality& quality) {
    const LogisticFit fit = logistic_fit(events);
    quality.calibration_slope = fit.slope;
    quality.slope_error = fit.slope_error;

    std::vector<WeightedValue> logits;
    for (const ScoredEvent& event : events) logits.push_back({event.z, 1.0});
    const std::vector<double> edges = quantile_edges(std::move(logits), bins_for(events.size()));
    struct Bin {
        double numerator = 0.0;
        double total = 0.0;
        double predicted = 0.0;
    };
    std::vector<Bin> bins(edges.size() + 1);
    for (const ScoredEvent& event : events) {
        Bin& bin = bins[bin_of(edges, event.z)];
        bin.numerator += event.a;
        bin.total += event.a + event.b;
        bin.predicted += (event.a + event.b) * sigmoid(event.z);
    }
    std::vector<double> variance(bins.size());
    for (const ScoredEvent& event : events) {
        const std::size_t index = bin_of(edges, event.z);
        const double fraction = bins[index].numerator / bins[index].total;
        const double term = event.a - fraction * (event.a + event.b);
        variance[index] += term * term;
    }
    for (std::size_t index = 0; index < bins.size(); ++index) {
        const Bin& bin = bins[index];
        if (!(bin.total > 0.0)) continue;  // negative weights outweigh the others
        quality.calibration_predicted.push_back(bin.predicted / bin.total);
        quality.calibration_observed.push_back(bin.numerator / bin.total);
        quality.calibration_error.push_back(std::sqrt(variance[index]) / bin.total);
    }
}

void measure_spread(const std::vector<ScoredEvent>& events, NetQuality& quality) {
    const auto count = static_cast<double>(events.size());
    double mean = 0.0;
    for (const ScoredEvent& event : events) mean += event.z / count;
    double variance = 0.0;
    for (const ScoredEvent& event : events) {
        variance += (event.z - mean) * (event.z - mean) / count;
    }
    quality.logit_spread = std::sqrt(variance);
}

void measure_overtraining(const std::vector<ScoredEvent>& validation,
                          const std::vector<ScoredEvent>& training,
                          NetQuality& quality) {
    for (const auto weight : {&ScoredEvent::a, &ScoredEvent::b}) {
        const Distance distance = kolmogorov_distance(validation, training, weight);
        if (distance.value <= quality.overtraining) continue;
        quality.overtraining = distance.value;
        quality.overtraining_noise = distance.noise;
    }
}

/// Logits of reference events; every net that was trained on this table gets the same events.
std::vector<float> reference_logits(const ScoredTable& table, const CalibrationMap& calibration) {
    std::vector<std::size_t> rows;
    for (std::size_t row = 0; row < table.events(); ++row) {
        if (table.total(row) != table.positive(row)) rows.push_back(row);
    }
    const std::size_t step =
        std::max<std::size_t>(1, (rows.size() + most_references - 1) / most_references);
    std::vector<float> logits;
    for (std::size_t i = 0; i < rows.size(); i += step) {
        logits.push_back(calibrated(calibration, table.logits[rows[i]]));
    }
    return logits;
}

void count_odd_logits(const ScoredTable& table, NetQuality& quality) {
    for (const float logit : table.logits) {
        if (!std::isfinite(logit)) {
            quality.not_finite += 1;
        } else if (std::abs(logit) > saturation) {
            quality.saturated += 1;
        }
    }
}

/// Appends the histogram of one class in one part.
void add_scores(const std::vector<ScoredEvent>& events,
                double ScoredEvent::*weight,
                ScoreHistograms& scores) {
    std::array<double, score_histogram_bins> sums = {};
    std::array<double, score_histogram_bins> squares = {};
    for (const ScoredEvent& event : events) {
        const double place =
            (event.z - scores.low) / (scores.high - scores.low) * score_histogram_bins;
        const auto bin =
            static_cast<std::size_t>(std::clamp(place, 0.0, score_histogram_bins - 0.5));
        sums[bin] += event.*weight;
        squares[bin] += event.*weight * event.*weight;
    }
    for (std::size_t bin = 0; bin < score_histogram_bins; ++bin) {
        scores.shares.push_back(static_cast<float>(sums[bin]));
        scores.errors.push_back(static_cast<float>(std::sqrt(squares[bin])));
    }
}

/// So that what could not be measured does not look perfect.
void set_unmeasured(NetQuality& quality) {
    for (double* number :
         {&quality.excess, &quality.excess_error, &quality.sc_rms, &quality.sc_norm,
          &quality.sc_noise, &quality.calibration_slope, &quality.slope_error,
          &quality.overtraining, &quality.overtraining_noise, &quality.logit_spread}) {
        *number = nan;
    }
}

/// \param training  none: no overtraining distance
NetQuality measure(const ScoredTable& validation,
                   const ScoredTable* training,
                   const CalibrationMap& calibration) {
    RATIOFARM_EXPECT(validation.rows.size() == validation.events() * validation.columns);
    NetQuality quality;
    count_odd_logits(validation, quality);
    quality.reference_logits = reference_logits(validation, calibration);
    const std::vector<ScoredEvent> events = balanced_events(validation, calibration);
    if (events.empty()) {
        set_unmeasured(quality);
        return quality;
    }
    measure_excess(events, quality);
    measure_deviations(events, validation, quality);
    measure_calibration(events, quality);
    measure_spread(events, quality);
    if (training != nullptr) {
        measure_overtraining(events, balanced_events(*training, calibration), quality);
    }
    return quality;
}

}  // namespace

NetQuality measure_quality(const ScoredTable& validation,
                           const ScoredTable& training,
                           const CalibrationMap& calibration) {
    RATIOFARM_EXPECT(training.rows.size() == training.events() * training.columns);
    return measure(validation, &training, calibration);
}

NetQuality measure_quality(const ScoredTable& validation) {
    return measure(validation, nullptr, {});
}

ScoreHistograms measure_scores(const ScoredTable& validation,
                               const ScoredTable& training,
                               const CalibrationMap& calibration) {
    ScoreHistograms scores;
    const std::vector<ScoredEvent> held = balanced_events(validation, calibration);
    const std::vector<ScoredEvent> seen = balanced_events(training, calibration);
    if (held.empty() || seen.empty()) return scores;
    std::vector<double> logits;
    for (const ScoredEvent& event : held) {
        if (event.a != 0.0) logits.push_back(event.z);
    }
    std::ranges::sort(logits);
    const std::size_t beyond = logits.size() / 200;
    scores.low = logits[beyond];
    scores.high = logits[logits.size() - 1 - beyond];
    if (!(scores.high > scores.low)) return {};
    for (const auto* part : {&seen, &held}) {
        add_scores(*part, &ScoredEvent::a, scores);
        add_scores(*part, &ScoredEvent::b, scores);
    }
    return scores;
}

}  // namespace ratiofarm::trainer
