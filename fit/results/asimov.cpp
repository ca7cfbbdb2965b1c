#include "ratiofarm/fit/asimov.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/physics/process_rates.hpp"

#include "fit/events/event_shards.hpp"

namespace ratiofarm {
namespace {

void expect_positive_sum(double sum, const std::string& name) {
    if (sum > 0.0 && std::isfinite(sum)) return;
    throw DataError("inference events of '" + name + "': the sum of weights is " +
                    std::to_string(sum) + " (must be > 0: it represents the yield)");
}

}  // namespace

std::vector<double> asimov_sample_factors(const StatisticalModel& model,
                                          const UnbinnedRegion& region,
                                          std::span<const double> theta,
                                          std::span<const double> sums_of_weights) {
    RATIOFARM_EXPECT(sums_of_weights.size() == region.processes.size());
    std::vector<double> factors = rates_at(model, region, theta);
    for (std::size_t j = 0; j < factors.size(); ++j) {
        if (factors[j] == 0.0) continue;
        expect_positive_sum(sums_of_weights[j], region.processes[j].name);
        factors[j] /= sums_of_weights[j];
    }
    return factors;
}

EventSet asimov_from_reference(const StatisticalModel& model,
                               const UnbinnedRegion& region,
                               std::span<const double> theta,
                               EventSet reference,
                               double sum_of_weights) {
    RATIOFARM_EXPECT(reference.processes.size() == region.processes.size());
    expect_positive_sum(sum_of_weights, "reference");
    const std::string problem = first_bad_event(reference);
    if (!problem.empty()) throw DataError(problem);
    const std::vector<double> rates = rates_at(model, region, theta);
    for (std::uint64_t i = 0; i < reference.size(); ++i) {
        double mixture = 0.0;
        for (std::size_t j = 0; j < rates.size(); ++j) {
            mixture += rates[j] * portable_exp(reference.log_r[i * rates.size() + j]);
        }
        reference.weight[i] *= mixture / sum_of_weights;
    }
    return reference;
}

EventSet unweighted(EventSet events) {
    std::fill(events.weight.begin(), events.weight.end(), 1.0);
    return events;
}

}  // namespace ratiofarm
