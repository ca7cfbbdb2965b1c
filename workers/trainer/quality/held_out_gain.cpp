#include "held_out_gain.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm::trainer {
namespace {

double gain_of(double logit, TrainedClass in) {
    return 0.5 * (in == TrainedClass::numerator ? logit : -logit);
}

/// What an event adds to the deviation of the gain from its mean.
struct Contribution {
    std::uint64_t id = 0;
    double value = 0.0;
};

/// Mean over the events of a component. NaN without positive total weight.
double mean_gain(const HeldOutComponent& component, double& total) {
    double sum = 0.0;
    total = 0.0;
    for (std::size_t i = 0; i < component.logit.size(); ++i) {
        if (!std::isfinite(component.logit[i])) continue;
        total += component.weight[i];
        sum += component.weight[i] * gain_of(component.logit[i], component.in);
    }
    return total > 0.0 ? sum / total : std::numeric_limits<double>::quiet_NaN();
}

/// Adds those of one id before they are squared.
void sum_squares(std::vector<Contribution>& contributions, HeldOutGain& gain) {
    std::sort(contributions.begin(), contributions.end(), [](const auto& a, const auto& b) {
        return std::pair(a.id, a.value) < std::pair(b.id, b.value);
    });
    double squares = 0.0;
    for (auto first = contributions.begin(); first != contributions.end();) {
        double sum = 0.0;
        const std::uint64_t id = first->id;
        for (; first != contributions.end() && first->id == id; ++first) sum += first->value;
        squares += sum * sum;
        gain.events += 1;
    }
    gain.error = std::sqrt(squares);
}

}  // namespace

HeldOutGain held_out_gain(std::span<const HeldOutComponent> components) {
    HeldOutGain gain;
    std::vector<Contribution> contributions;
    for (const HeldOutComponent& component : components) {
        RATIOFARM_EXPECT(component.weight.size() == component.logit.size() &&
                         component.id.size() == component.logit.size());
        double total = 0.0;
        const double mean = mean_gain(component, total);
        gain.gain += 0.5 * component.fraction * mean;
        const double scale = 0.5 * component.fraction / total;
        for (std::size_t i = 0; i < component.logit.size(); ++i) {
            if (!std::isfinite(component.logit[i])) continue;
            contributions.push_back(
                {component.id[i],
                 scale * component.weight[i] * (gain_of(component.logit[i], component.in) - mean)});
        }
    }
    sum_squares(contributions, gain);
    if (std::isnan(gain.gain)) gain.error = std::numeric_limits<double>::quiet_NaN();
    return gain;
}

}  // namespace ratiofarm::trainer
