#include "report/closure.hpp"

#include <cmath>
#include <numeric>
#include <vector>

#include "ratiofarm_test/catch.hpp"

#include "gaussian_mixture.hpp"

using namespace ratiofarm;
using ratiofarm::test::GaussianMixture;
using ratiofarm::test::view;

namespace {

/// reweighted - target of every bin, the slow clear way.
std::vector<double> naive_difference(const std::vector<GaussianMixture::Sample>& samples,
                                     const Binning& binning,
                                     RatioScale scale) {
    std::vector<double> reweighted(binning.bins(), 0.0);
    std::vector<double> target(binning.bins(), 0.0);
    double mean = 0.0;
    for (std::size_t k = 0; k < samples.size(); ++k) {
        const auto& sample = samples[k];
        const double total = std::accumulate(sample.weight.begin(), sample.weight.end(), 0.0);
        for (std::size_t i = 0; i < sample.weight.size(); ++i) {
            const std::size_t bin = binning.bin_of(sample.feature[i]);
            const double part =
                sample.fraction * sample.weight[i] / total * std::exp(sample.log_ratio[i]);
            reweighted[bin] += part;
            mean += part;
            if (k == 0) target[bin] += sample.weight[i] / total;
        }
    }
    const double factor = scale == RatioScale::normalised ? 1.0 / mean : 1.0;
    for (std::size_t b = 0; b < target.size(); ++b) target[b] = factor * reweighted[b] - target[b];
    return target;
}

/// Variance of each difference: squared change when one event is moved by its weight, summed.
std::vector<double> naive_variance(std::vector<GaussianMixture::Sample> samples,
                                   const Binning& binning,
                                   RatioScale scale) {
    std::vector<double> variance(binning.bins(), 0.0);
    constexpr double step = 1e-4;
    for (auto& sample : samples) {
        for (double& weight : sample.weight) {
            const double kept = weight;
            weight = kept * (1.0 + step);
            const auto up = naive_difference(samples, binning, scale);
            weight = kept * (1.0 - step);
            const auto down = naive_difference(samples, binning, scale);
            weight = kept;
            for (std::size_t b = 0; b < variance.size(); ++b) {
                const double slope = (up[b] - down[b]) / (2.0 * step);
                variance[b] += slope * slope;
            }
        }
    }
    return variance;
}

}  // namespace

TEST_CASE("closure errors equal the response to the weight of each event", "[report]") {
    const GaussianMixture mixture{.shift = 0.6, .fraction = 0.3, .distortion = 0.1};
    const auto samples = mixture.draw(7, 120, true);
    const Binning binning = Binning::equal_width(-2.0, 2.0, 6);

    for (const RatioScale scale : {RatioScale::as_given, RatioScale::normalised}) {
        const Closure result = closure(view(samples), 0, binning, scale);

        const auto difference = naive_difference(samples, binning, scale);
        const auto variance = naive_variance(samples, binning, scale);
        for (std::size_t b = 0; b < binning.bins(); ++b) {
            CHECK(result.bins[b].reweighted - result.bins[b].target ==
                  Approx(difference[b]).margin(1e-13));
            CHECK(result.bins[b].error == Approx(std::sqrt(variance[b])).epsilon(1e-6));
        }
    }
}

TEST_CASE("a sample that is the whole reference closes exactly", "[report]") {
    GaussianMixture::Sample sample{.fraction = 1.0};
    for (int i = 0; i < 50; ++i) {
        sample.weight.push_back(1.0 + 0.01 * i);
        sample.feature.push_back(0.1F * static_cast<float>(i));
        sample.log_ratio.push_back(0.0F);
    }

    const Closure result =
        closure(view({sample}), 0, Binning::equal_width(0.0, 5.0, 4), RatioScale::normalised);

    CHECK(result.agreement.chi2 == Approx(0.0).margin(1e-12));
    for (const ClosureBin& bin : result.bins) {
        CHECK(bin.reweighted == Approx(bin.target));
        CHECK(bin.error == Approx(0.0).margin(1e-9));
    }
}

TEST_CASE("without shared events closure is the two-sample comparison", "[report]") {
    GaussianMixture::Sample target{.fraction = 0.0};
    GaussianMixture::Sample reference{.fraction = 1.0};
    const auto fill = [](GaussianMixture::Sample& sample, int low, int high) {
        for (int i = 0; i < low + high; ++i) {
            sample.weight.push_back(1.0);
            sample.feature.push_back(i < low ? 0.5F : 1.5F);
            sample.log_ratio.push_back(0.0F);
        }
    };
    fill(target, 30, 70);
    fill(reference, 80, 120);

    const Closure result =
        closure(view({target, reference}), 0, Binning({0.0, 1.0, 2.0}), RatioScale::as_given);

    const double variance = 0.3 * 0.7 / 100.0 + 0.4 * 0.6 / 200.0;
    CHECK(result.bins[0].target == Approx(0.3));
    CHECK(result.bins[0].reweighted == Approx(0.4));
    CHECK(result.bins[0].target_error == Approx(std::sqrt(0.3 * 0.7 / 100.0)));
    CHECK(result.bins[0].error == Approx(std::sqrt(variance)));
    CHECK(result.agreement.ndf == 1);
    CHECK(result.agreement.chi2 == Approx(0.1 * 0.1 / variance));
}

TEST_CASE("for exact ratios chi2 is on average its degrees of freedom", "[report]") {
    const GaussianMixture mixture{.shift = 0.7, .fraction = 0.5};
    const Binning binning = Binning::equal_width(-2.0, 2.0, 10);
    constexpr int sets = 400;

    for (const RatioScale scale : {RatioScale::as_given, RatioScale::normalised}) {
        double chi2 = 0.0;
        std::size_t ndf = 0;
        for (int set = 0; set < sets; ++set) {
            const auto samples = mixture.draw(1000 + static_cast<std::uint64_t>(set), 2000, true);
            const Closure result = closure(view(samples), 0, binning, scale);
            chi2 += result.agreement.chi2;
            ndf = result.agreement.ndf;
        }

        const auto expected = static_cast<double>(ndf);
        // Both sides add up to one only if r is normalised; as given one more combination is free.
        CHECK(ndf == (scale == RatioScale::normalised ? 9U : 10U));
        CHECK(std::abs(chi2 / sets - expected) < 4.0 * std::sqrt(2.0 * expected / sets));
    }
}

TEST_CASE("what nets scatter by explains differences where the same events are on both sides",
          "[report]") {
    // Far apart: below 0 the reference holds hardly anything but events of the target.
    const GaussianMixture mixture{.shift = 2.0, .fraction = 0.5};
    const Binning binning = Binning::equal_width(-4.0, 0.0, 8);
    constexpr int sets = 200;
    constexpr float net = 0.08F;  // of 16 nets; their mean is off by 2 %
    double with_nets = 0.0;
    double without = 0.0;
    for (std::uint64_t set = 0; set < sets; ++set) {
        auto samples = mixture.draw(5000 + set, 2000, false);
        PhiloxSequence random(77, set);
        std::vector<float> off;
        for (std::size_t b = 0; b < binning.bins(); ++b) {
            off.push_back(static_cast<float>(0.02 * random.normal()));
        }
        for (auto& sample : samples) {
            for (std::size_t i = 0; i < sample.feature.size(); ++i) {
                sample.log_ratio[i] += off[binning.bin_of(sample.feature[i])];
            }
        }
        auto events = view(samples);
        without += closure(events, 0, binning, RatioScale::as_given).agreement.chi2 / sets;
        const std::vector<float> spread(2000, net);
        for (auto& sample : events) sample.spread = spread;
        with_nets += closure(events, 0, binning, RatioScale::as_given, 16).agreement.chi2 / sets;
    }

    CHECK(without > 100.0);
    CHECK(std::abs(with_nets - 8.0) < 4.0 * std::sqrt(16.0 / sets));
}

TEST_CASE("a wrong ratio is seen", "[report]") {
    const GaussianMixture mixture{.shift = 0.7, .fraction = 0.5, .distortion = 0.1};
    const auto samples = mixture.draw(5, 20000, false);
    const Binning binning = Binning::equal_width(-2.0, 2.0, 10);

    const Closure result = closure(view(samples), 0, binning, RatioScale::normalised);

    CHECK(result.agreement.chi2 > 5.0 * static_cast<double>(result.agreement.ndf));
    CHECK(verdict_of(result.agreement) == Verdict::differs);
}
