#include "calibration.hpp"

#include <cmath>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {
namespace {

/// Sums over the events of one sample in one bin; u is the normalised weight and
/// v = [is target] (1 - s) - pi_k s, whose sum over all events is observed - predicted.
struct BinSums {
    double u = 0.0, us = 0.0, uv = 0.0, uuv = 0.0, uuvv = 0.0;
};

std::vector<float> scores_of(const SampleEvents& sample) {
    std::vector<float> scores;
    scores.reserve(sample.log_ratio.size());
    for (const float log_ratio : sample.log_ratio) {
        scores.push_back(static_cast<float>(score_of(log_ratio)));
    }
    return scores;
}

Binning score_binning(std::span<const SampleEvents> samples, std::size_t target, std::size_t bins) {
    std::vector<float> scores;
    std::vector<double> weights;
    for (std::size_t k = 0; k < samples.size(); ++k) {
        const double share =
            (samples[k].fraction + (k == target ? 1.0 : 0.0)) / total_weight(samples[k].weight);
        if (share == 0.0) continue;
        const std::vector<float> more = scores_of(samples[k]);
        scores.insert(scores.end(), more.begin(), more.end());
        for (const double weight : samples[k].weight) weights.push_back(share * weight);
    }
    return Binning::quantiles(scores, weights, bins)
        .without_sparse_bins(scores_of(samples[target]), samples[target].weight, enough_entries);
}

/// Adds one sample to every bin: contents to `bins`, squared scatter of the difference to
/// `variance`.
void add_sample(const SampleEvents& sample,
                double is_target,
                const Binning& binning,
                std::vector<CalibrationBin>& bins,
                std::vector<double>& variance) {
    RATIOFARM_EXPECT(sample.log_ratio.size() == sample.weight.size());
    std::vector<BinSums> sums(binning.bins());
    const double total = total_weight(sample.weight);
    double squares = 0.0;
    for (std::size_t i = 0; i < sample.weight.size(); ++i) {
        const double score = score_of(sample.log_ratio[i]);
        const double u = sample.weight[i] / total;
        const double v = is_target * (1.0 - score) - sample.fraction * score;
        BinSums& bin = sums[binning.bin_of(static_cast<float>(score))];
        bin.u += u;
        bin.us += u * score;
        bin.uv += u * v;
        bin.uuv += u * u * v;
        bin.uuvv += u * u * v * v;
        squares += u * u;
    }
    for (std::size_t b = 0; b < sums.size(); ++b) {
        const double share = is_target + sample.fraction;
        bins[b].content += share * sums[b].u;
        bins[b].predicted += share * sums[b].us;
        bins[b].observed += is_target * sums[b].u;
        variance[b] +=
            sums[b].uuvv - 2.0 * sums[b].uv * sums[b].uuv + sums[b].uv * sums[b].uv * squares;
    }
}

}  // namespace

double score_of(double log_ratio) noexcept { return 1.0 / (1.0 + std::exp(-log_ratio)); }

Calibration calibration(std::span<const SampleEvents> samples,
                        std::size_t target,
                        std::size_t bins) {
    RATIOFARM_EXPECT(target < samples.size());
    Calibration result{.binning = score_binning(samples, target, bins), .bins = {}};
    result.bins.resize(result.binning.bins());
    std::vector<double> variance(result.binning.bins(), 0.0);
    for (std::size_t k = 0; k < samples.size(); ++k) {
        if (k != target && samples[k].fraction == 0.0) continue;
        add_sample(samples[k], k == target ? 1.0 : 0.0, result.binning, result.bins, variance);
    }
    const std::size_t n = result.bins.size();
    std::vector<double> difference(n, 0.0);
    std::vector<double> covariance(n * n, 0.0);
    std::vector<double> slope(n, 0.0);  // d s / d ln r
    for (std::size_t b = 0; b < result.bins.size(); ++b) {
        CalibrationBin& bin = result.bins[b];
        if (!(bin.content > 0.0)) continue;
        bin.predicted /= bin.content;
        bin.observed /= bin.content;
        bin.error = std::sqrt(std::max(0.0, variance[b])) / bin.content;
        bin.content *= 0.5;
        if (!(bin.error > 0.0)) continue;
        difference[b] = bin.observed - bin.predicted;
        covariance[b * n + b] = bin.error * bin.error;
        slope[b] = bin.predicted * (1.0 - bin.predicted);
    }
    result.agreement = agreement_of(difference, covariance, slope);
    return result;
}

}  // namespace ratiofarm
