#include "finite_mc_record.hpp"

#include <cmath>

namespace ratiofarm {

void set_spread(EstimateSpread& spread) {
    const auto n = static_cast<double>(spread.estimates.size());
    spread.mean = spread.sigma = spread.sigma_error = 0.0;
    if (spread.estimates.size() < 2) return;
    for (const double value : spread.estimates) spread.mean += value / n;
    double squares = 0.0;
    for (const double value : spread.estimates) {
        squares += (value - spread.mean) * (value - spread.mean);
    }
    spread.sigma = std::sqrt(squares / (n - 1.0));
    spread.sigma_error = spread.sigma / std::sqrt(2.0 * (n - 1.0));
}

}  // namespace ratiofarm
