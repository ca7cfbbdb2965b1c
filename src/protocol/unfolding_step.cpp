#include "unfolding_step.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {

double ClassSums::prior() const {
    if (numerator > 0.0 && denominator > 0.0 && std::isfinite(numerator / denominator)) {
        return numerator / denominator;
    }
    throw NumericalError("the classes of a step of the unfolding weigh " +
                         std::to_string(numerator) + " and " + std::to_string(denominator) +
                         " in all; both must be > 0 (look at the weights of the data, of the "
                         "simulation and at pass_reco)");
}

double sum_of(std::span<const double> weights) {
    double sum = 0.0;
    for (const double weight : weights) sum += weight;
    return sum;
}

std::vector<double> weigh_reco(const LeveledEvents& events,
                               std::span<const double> nu,
                               Fakes fakes) {
    std::vector<double> weights(events.weight.size(), 0.0);
    for (std::size_t i = 0; i < weights.size(); ++i) {
        if (events.is_matched(i)) {
            weights[i] = events.weight[i] * nu[i];
        } else if (events.pass_reco[i] == 1 && fakes == Fakes::fixed) {
            weights[i] = events.weight[i];
        }
    }
    return weights;
}

ClassWeights weigh_acceptance(const LeveledEvents& events) {
    ClassWeights weights;
    for (std::size_t i = 0; i < events.weight.size(); ++i) {
        weights.numerator.push_back(events.is_matched(i) ? events.weight[i] : 0.0);
        weights.denominator.push_back(events.pass_reco[i] == 1 ? events.weight[i] : 0.0);
    }
    return weights;
}

std::vector<double> pull(const LeveledEvents& events,
                         std::span<const double> nu,
                         std::span<const double> omega,
                         Misses misses) {
    std::vector<double> pulled(events.weight.size(), 0.0);
    for (std::size_t i = 0; i < pulled.size(); ++i) {
        if (events.is_matched(i)) {
            pulled[i] = nu[i] * omega[i];
        } else if (events.pass_truth[i] == 1 && misses == Misses::keep) {
            pulled[i] = nu[i];
        }
    }
    return pulled;
}

ClassWeights weigh_truth(const LeveledEvents& events,
                         std::span<const double> pulled,
                         Misses misses) {
    ClassWeights weights;
    for (std::size_t i = 0; i < pulled.size(); ++i) {
        const bool used = misses == Misses::keep ? events.pass_truth[i] == 1 : events.is_matched(i);
        weights.numerator.push_back(used ? events.weight[i] * pulled[i] : 0.0);
        weights.denominator.push_back(used ? events.weight[i] : 0.0);
    }
    return weights;
}

Ratios normalise(std::span<const float> logits,
                 std::span<const std::uint8_t> passes,
                 std::span<const double> denominator,
                 double prior,
                 double limit) {
    RATIOFARM_EXPECT(logits.size() == passes.size() && logits.size() == denominator.size());
    Ratios ratios{std::vector<double>(logits.size(), 1.0), {}};
    Normalisation& made = ratios.made;
    double sum = 0.0, sum_ratio = 0.0, squares = 0.0, squares_ratio = 0.0, clipped = 0.0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
        if (passes[i] != 1) continue;
        const double logit = logits[i];
        if (std::isnan(logit)) {
            throw NumericalError("the net of a step of the unfolding says NaN for event " +
                                 std::to_string(i) + " of the simulation");
        }
        ++made.events;
        const double weight = denominator[i];
        if (std::abs(logit) > limit) {
            ++made.clipped;
            clipped += weight;
        }
        const double ratio = std::exp(std::clamp(logit, -limit, limit));
        ratios.values[i] = ratio;
        sum += weight;
        squares += weight * weight;
        sum_ratio += weight * ratio;
        squares_ratio += weight * ratio * weight * ratio;
    }
    made.closure = sum_ratio / sum;
    if (!(made.closure > 0.0) || !std::isfinite(made.closure)) {
        throw NumericalError("the ratio that a net of the unfolding learned has the mean " +
                             std::to_string(made.closure) +
                             " over its denominator, must be > 0: too many negative weights");
    }
    made.clipped_share = clipped / sum;
    made.effective = squares_ratio > 0.0 ? sum_ratio * sum_ratio / squares_ratio : 0.0;
    made.effective_before = squares > 0.0 ? sum * sum / squares : 0.0;
    const double factor = prior / made.closure;
    for (std::size_t i = 0; i < logits.size(); ++i) {
        if (passes[i] == 1) ratios.values[i] *= factor;
    }
    return ratios;
}

}  // namespace ratiofarm
