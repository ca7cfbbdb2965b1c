#include "data_yields.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "ratiofarm/physics/process_rates.hpp"

namespace ratiofarm {

std::vector<std::string> yield_warnings(const Campaign& campaign,
                                        const StatisticalModel& model,
                                        const RatioFiles& ratios,
                                        const FitResult& fit) {
    constexpr double far = 5.0;  // standard deviations
    std::vector<std::string> warnings;
    const std::string sample = campaign.data.fitted_sample();
    if (sample.empty() || !fits_observed(campaign)) return warnings;
    const std::vector<double> theta = best_values(fit);
    for (std::size_t r = 0; r < ratios.size(); ++r) {
        const auto observed = static_cast<double>(ratios[r]->set(sample).events);
        const std::vector<double> rates = rates_at(model, model.unbinned[r], theta);
        const double expected = std::accumulate(rates.begin(), rates.end(), 0.0);
        const double error = std::sqrt(std::max(expected, 1.0));
        const double pull = (observed - expected) / error;
        if (std::abs(pull) < far) continue;
        warnings.push_back(fmt::format(
            "region '{}': {:.0f} events were observed, and the fit expects {:.5g} +- {:.3g} at its "
            "best: no value of its parameters is right. Are the yields (sums of weights), the "
            "luminosity and the selection those of the data?",
            model.unbinned[r].name, observed, expected, error));
    }
    return warnings;
}

}  // namespace ratiofarm
