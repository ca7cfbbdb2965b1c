#include "ratiofarm/fit/goodness_of_fit.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include <boost/math/special_functions/gamma.hpp>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {
namespace {

constexpr double smallest_bin = 1e-9;

double deviance_term(double observed, double expected) {
    const double nu = std::max(expected, smallest_bin);
    const double excess = nu - observed;
    return 2.0 * (observed > 0.0 ? excess + observed * std::log(observed / nu) : excess);
}

}  // namespace

double poisson_deviance(std::span<const double> observed, std::span<const double> expected) {
    RATIOFARM_EXPECT(observed.size() == expected.size());
    double sum = 0.0;
    for (std::size_t b = 0; b < observed.size(); ++b) {
        sum += deviance_term(observed[b], expected[b]);
    }
    return sum;
}

double constraint_deviance(const StatisticalModel& model,
                           std::span<const double> theta,
                           std::span<const double> observed) {
    double sum = 0.0;
    for (std::size_t a = 0; a < theta.size(); ++a) {
        const Constraint& constraint = model.parameters[a].constraint;
        if (model.parameters[a].fixed) continue;
        const double square = constraint.width * constraint.width;
        if (constraint.kind == Constraint::Kind::gaussian) {
            sum += (theta[a] - observed[a]) * (theta[a] - observed[a]) / square;
        } else if (constraint.kind == Constraint::Kind::poisson) {
            sum += deviance_term(observed[a] / square, theta[a] / square);
        }
    }
    return sum;
}

double chi2_tail(double chi2, double ndf) {
    RATIOFARM_EXPECT(chi2 >= 0.0 && ndf > 0.0);
    return boost::math::gamma_q(0.5 * ndf, 0.5 * chi2);
}

std::vector<double> weighted_quantiles(std::span<const double> values,
                                       std::span<const double> weights,
                                       std::size_t n_bins) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t i, std::size_t j) { return values[i] < values[j]; });
    double total = 0.0;
    for (const double weight : weights) total += std::max(weight, 0.0);
    const double least = 0.5 * total / static_cast<double>(std::max<std::size_t>(n_bins, 1));
    std::vector<double> edges;
    double below = 0.0;  // the last edge
    double bin = 0.0;    // what it holds so far
    double last = values.empty() ? 0.0 : values[order.front()];
    for (const std::size_t i : order) {
        // Of what is left: a value that many events have fills its bin, not those that follow.
        const double share = (total - below) / static_cast<double>(n_bins - edges.size());
        if (edges.size() + 1 < n_bins && values[i] > last && bin >= std::max(share, least)) {
            edges.push_back(values[i]);
            below += std::exchange(bin, 0.0);
        }
        bin += std::max(weights[i], 0.0);
        last = values[i];
    }
    if (!edges.empty() && bin < least) edges.pop_back();
    return edges;
}

std::uint32_t bin_of(std::span<const double> inner_edges, double value) {
    return static_cast<std::uint32_t>(
        std::upper_bound(inner_edges.begin(), inner_edges.end(), value) - inner_edges.begin());
}

}  // namespace ratiofarm
