#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "core/philox.hpp"
#include "report/inference_events.hpp"

namespace ratiofarm::test {

/// Unit Gaussians at -shift and +shift as two samples of a reference, exact ratios to it.
struct GaussianMixture {
    double shift = 0.5;
    double fraction = 0.5;    ///< of the first sample in the reference
    double distortion = 0.0;  ///< log r of the first sample is wrong by distortion * x

    struct Sample {
        double fraction = 0.0;
        std::vector<double> weight = {};
        std::vector<float> feature = {};
        std::vector<float> log_ratio = {};  ///< of the first sample's density to the reference
    };

    double log_ratio(double x) const {
        const double other = std::exp(2.0 * shift * x);  // p_2 / p_1
        return -std::log(fraction + (1.0 - fraction) * other) + distortion * x;
    }

    /// Weights are uniform in [0.5, 1.5) when `weighted`.
    std::vector<Sample> draw(std::uint64_t key, std::size_t events, bool weighted) const {
        std::vector<Sample> samples(2);
        for (std::size_t k = 0; k < 2; ++k) {
            PhiloxSequence random(key, k);
            samples[k].fraction = k == 0 ? fraction : 1.0 - fraction;
            for (std::size_t i = 0; i < events; ++i) {
                const double x = random.normal() + (k == 0 ? -shift : shift);
                samples[k].feature.push_back(static_cast<float>(x));
                samples[k].log_ratio.push_back(static_cast<float>(log_ratio(x)));
                samples[k].weight.push_back(weighted ? 0.5 + random.uniform() : 1.0);
            }
        }
        return samples;
    }
};

inline std::vector<SampleEvents> view(const std::vector<GaussianMixture::Sample>& samples) {
    std::vector<SampleEvents> result;
    for (const auto& sample : samples) {
        result.push_back({sample.fraction, sample.weight, sample.log_ratio, sample.feature});
    }
    return result;
}

}  // namespace ratiofarm::test
