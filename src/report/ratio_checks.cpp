#include "ratio_checks.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {
namespace {

/// Adds the sample's histogram of log r, scaled to `share`, and the squares of its errors.
void add_histogram(const SampleEvents& sample,
                   double share,
                   const Binning& binning,
                   std::vector<double>& content,
                   std::vector<double>& variance) {
    if (share == 0.0) return;
    RATIOFARM_EXPECT(sample.log_ratio.size() == sample.weight.size());
    const double scale = share / total_weight(sample.weight);
    for (std::size_t i = 0; i < sample.weight.size(); ++i) {
        if (!std::isfinite(sample.log_ratio[i])) continue;
        const std::size_t bin = binning.bin_of(sample.log_ratio[i]);
        const double weight = scale * sample.weight[i];
        content[bin] += weight;
        variance[bin] += weight * weight;
    }
}

void take_root(std::vector<double>& values) {
    for (double& value : values) value = std::sqrt(value);
}

}  // namespace

bool NormalisationCheck::passes() const { return std::abs(deviation) <= gate; }

NormalisationCheck make_normalisation_check(double deviation, double error) {
    return {.deviation = deviation, .error = error, .gate = std::max(0.01, 3.0 * error)};
}

NormalisationCheck check_normalisation(std::span<const SampleEvents> samples) {
    double mean = 0.0;
    double variance = 0.0;
    for (const SampleEvents& sample : samples) {
        if (sample.fraction == 0.0) continue;
        RATIOFARM_EXPECT(sample.log_ratio.size() == sample.weight.size());
        const double total = total_weight(sample.weight);
        double u2 = 0.0, u2r = 0.0, u2r2 = 0.0, ur = 0.0;
        for (std::size_t i = 0; i < sample.weight.size(); ++i) {
            const double u = sample.weight[i] / total;
            const double r = std::exp(static_cast<double>(sample.log_ratio[i]));
            ur += u * r;
            u2 += u * u;
            u2r += u * u * r;
            u2r2 += u * u * r * r;
        }
        mean += sample.fraction * ur;
        variance += sample.fraction * sample.fraction * (u2r2 - 2.0 * ur * u2r + ur * ur * u2);
    }
    return make_normalisation_check(mean - 1.0, std::sqrt(std::max(0.0, variance)));
}

RatioDistribution ratio_distribution(std::span<const SampleEvents> samples,
                                     std::size_t target,
                                     const Binning& binning) {
    RATIOFARM_EXPECT(target < samples.size());
    const std::vector<double> zero(binning.bins(), 0.0);
    RatioDistribution result{binning, zero, zero, zero, zero};
    for (const SampleEvents& sample : samples) {
        add_histogram(sample, sample.fraction, binning, result.reference, result.reference_error);
    }
    add_histogram(samples[target], 1.0, binning, result.target, result.target_error);
    take_root(result.reference_error);
    take_root(result.target_error);
    return result;
}

Binning ratio_binning(std::span<const SampleEvents> samples,
                      std::size_t target,
                      std::size_t bins,
                      double outside) {
    RATIOFARM_EXPECT(target < samples.size());
    const std::vector<double> fractions{outside, 1.0 - outside};
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    for (std::size_t k = 0; k < samples.size(); ++k) {
        if (k != target && samples[k].fraction == 0.0) continue;
        const auto ends = weighted_quantiles(samples[k].log_ratio, samples[k].weight, fractions);
        if (ends.empty()) continue;
        low = std::min(low, ends.front());
        high = std::max(high, ends.back());
    }
    if (!(low <= high)) throw DataError("no inference-split events to show log ratios of");
    if (low == high) {
        low -= 0.5;
        high += 0.5;
    }
    return Binning::equal_width(low, high, bins);
}

IdentityCheck check_identity(std::span<const double> sums, std::span<const double> weights) {
    RATIOFARM_EXPECT(sums.size() == weights.size());
    IdentityCheck check{.events = sums.size()};
    if (sums.empty()) return check;
    double total = 0.0, first = 0.0, second = 0.0;
    for (std::size_t i = 0; i < sums.size(); ++i) {
        const double deviation = sums[i] - 1.0;
        total += weights[i];
        first += weights[i] * deviation;
        second += weights[i] * deviation * deviation;
    }
    if (!(total > 0.0)) throw DataError("the reference's weights must have a positive sum");
    check.mean = 1.0 + first / total;
    check.rms = std::sqrt(std::max(0.0, second / total));
    check.smallest = *std::min_element(sums.begin(), sums.end());
    check.largest = *std::max_element(sums.begin(), sums.end());
    return check;
}

RatioAccuracy check_accuracy(std::span<const float> learned,
                             std::span<const double> exact,
                             std::span<const double> weights) {
    RATIOFARM_EXPECT(learned.size() == exact.size() && learned.size() == weights.size());
    RatioAccuracy accuracy;
    double w = 0.0, x = 0.0, y = 0.0, xx = 0.0, xy = 0.0, dd = 0.0;
    for (std::size_t i = 0; i < learned.size(); ++i) {
        const double l = learned[i];
        const double e = exact[i];
        if (!std::isfinite(l) || !std::isfinite(e)) {
            ++accuracy.not_finite;
            continue;
        }
        ++accuracy.events;
        w += weights[i];
        x += weights[i] * l;
        y += weights[i] * e;
        xx += weights[i] * l * l;
        xy += weights[i] * l * e;
        dd += weights[i] * (l - e) * (l - e);
    }
    if (accuracy.events == 0 || !(w > 0.0)) return accuracy;
    accuracy.mean = (x - y) / w;
    accuracy.rms = std::sqrt(std::max(0.0, dd / w));
    const double variance = xx / w - (x / w) * (x / w);
    accuracy.slope = variance > 0.0 ? (xy / w - (x / w) * (y / w)) / variance : 1.0;
    accuracy.intercept = y / w - accuracy.slope * x / w;
    return accuracy;
}

}  // namespace ratiofarm
