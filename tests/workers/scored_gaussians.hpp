#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "simulation/interference_model.hpp"
#include "workers/trainer/quality/net_quality.hpp"

namespace ratiofarm::test {

using namespace trainer;

/// A training table of the one-dimensional interference model with one feature: numerator S,
/// denominator half S, half B, where an event of S is one row that is in both classes.
struct ScoredGaussians {
    std::vector<float> rows;   ///< [n, 3]
    std::vector<float> exact;  ///< [n], log p_S / p_ref

    explicit ScoredGaussians(std::uint64_t events_per_sample, std::uint64_t seed) {
        const ModelDensities gaussians({{100.0, {1.5}, {{1.0}}}, {900.0, {0.0}, {{2.25}}}, -0.6});
        const auto n = static_cast<float>(events_per_sample);
        for (const SimulatedSample sample :
             {SimulatedSample::signal, SimulatedSample::background}) {
            for (std::uint64_t event = 0; event < events_per_sample; ++event) {
                const std::vector<double> x = gaussians.draw(sample, event, seed);
                const auto log_p = gaussians.log_densities(x);
                const float positive = sample == SimulatedSample::signal ? 1.0F / n : 0.0F;
                rows.insert(rows.end(), {static_cast<float>(x[0]), positive, positive + 0.5F / n});
                exact.push_back(static_cast<float>(
                    log_p[0] - std::log(0.5 * (std::exp(log_p[0]) + std::exp(log_p[1])))));
            }
        }
    }

    ScoredTable with(const std::vector<float>& logits) const { return {rows, 3, logits}; }

    /// The logit of each event as a function of the exact one.
    std::vector<float> logits(const std::function<double(double)>& distort) const {
        std::vector<float> values(exact.size());
        std::transform(exact.begin(), exact.end(), values.begin(),
                       [&](float z) { return static_cast<float>(distort(double{z})); });
        return values;
    }
};

}  // namespace ratiofarm::test
