#include "mixture_values.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/physics/interpolation.hpp"

#include "fit/kernels/guards.hpp"

#include "event_shards.hpp"

namespace ratiofarm {
namespace {

/// g(alpha) for one event of a column.
double factor(const InterpolationWeights& weights, double log_up, double log_down) {
    using Form = InterpolationWeights::Form;
    if (weights.form == Form::power_of_up) return portable_exp(weights.power * log_up);
    if (weights.form == Form::power_of_down) return portable_exp(weights.power * log_down);
    if (weights.form == Form::power_of_both) {
        return portable_exp(weights.weight[0][0] * log_up + weights.weight[0][1] * log_down);
    }
    const double u = portable_exp(log_up);
    const double d = portable_exp(log_down);
    const auto& k = weights.weight[0];
    return weights.constant[0] + u * (k[0] + log_up * (k[2] + log_up * k[4])) +
           d * (k[1] + log_down * (k[3] + log_down * k[5]));
}

void multiply_shapes(const MixtureAt& mixture, const EventSet& events, std::vector<double>& t) {
    const std::size_t n = events.size();
    const std::size_t s = mixture.layout.n_processes;
    for (std::size_t c = 0; c < mixture.layout.columns.size(); ++c) {
        const ShapeIndex& column = mixture.layout.columns[c];
        const auto weights = interpolation_weights(column.code, mixture.alpha[column.parameter]);
        const float* up = events.log_g.data() + 2 * c * n;
        const float* down = up + n;
        for (std::size_t i = 0; i < n; ++i) {
            t[i * s + column.process] *= guarded_factor(weights, up[i], down[i]);
        }
    }
}

}  // namespace

double guarded_factor(const InterpolationWeights& weights, float log_up, float log_down) {
    const auto clipped = [](float log_g) {
        return double{std::clamp(log_g, -largest_log_g, largest_log_g)};
    };
    return std::max(smallest_g, factor(weights, clipped(log_up), clipped(log_down)));
}

std::vector<double> mixture_values(const MixtureAt& mixture, const EventSet& events) {
    const std::size_t s = mixture.layout.n_processes;
    RATIOFARM_EXPECT(events.shapes.size() == mixture.layout.columns.size());
    const std::string problem = first_bad_event(events);
    if (!problem.empty()) throw DataError(problem);
    std::vector<double> t;
    t.reserve(events.log_r.size());
    for (const double log_r : events.log_r) t.push_back(portable_exp(log_r));
    multiply_shapes(mixture, events, t);
    std::vector<double> values(events.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        for (std::size_t j = 0; j < s; ++j) values[i] += mixture.rates[j] * t[i * s + j];
    }
    return values;
}

}  // namespace ratiofarm
