#include "unfolding_metrics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <Eigen/Dense>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/fit/goodness_of_fit.hpp"

namespace ratiofarm {
namespace {

constexpr double not_known = std::numeric_limits<double>::quiet_NaN();

double sum_of_contents(std::span<const double> contents) {
    double sum = 0.0;
    for (const double content : contents) sum += content;
    return sum;
}

}  // namespace

void WeightedBins::add(std::span<const double> edges, double value, double weight) {
    // Columns have 32 bits: 0.7 of a column is on the edge 0.7, as its number is meant.
    const auto as_stored = [](double edge) { return double{static_cast<float>(edge)}; };
    if (value < as_stored(edges.front())) {
        below += weight;
    } else if (value >= as_stored(edges.back())) {
        above += weight;
    } else {
        const auto bin = std::ranges::upper_bound(edges, value, {}, as_stored) - edges.begin() - 1;
        contents[static_cast<std::size_t>(bin)] += weight;
        squares[static_cast<std::size_t>(bin)] += weight * weight;
    }
}

double triangular_discriminator(std::span<const double> a, std::span<const double> b) {
    RATIOFARM_EXPECT(a.size() == b.size());
    const double sum_a = sum_of_contents(a);
    const double sum_b = sum_of_contents(b);
    if (!(sum_a > 0.0) || !(sum_b > 0.0)) return not_known;
    double sum = 0.0;
    for (std::size_t bin = 0; bin < a.size(); ++bin) {
        const double p = a[bin] / sum_a;
        const double q = b[bin] / sum_b;
        if (p + q != 0.0) sum += (p - q) * (p - q) / (p + q);
    }
    return 0.5 * sum;
}

double wasserstein_distance(std::span<const double> values,
                            std::span<const std::size_t> order,
                            std::span<const double> a,
                            std::span<const double> b) {
    const double sum_a = sum_of_contents(a);
    const double sum_b = sum_of_contents(b);
    if (!(sum_a > 0.0) || !(sum_b > 0.0)) return not_known;
    double difference = 0.0;
    double distance = 0.0;
    for (std::size_t i = 0; i + 1 < order.size(); ++i) {
        difference += a[order[i]] / sum_a - b[order[i]] / sum_b;
        distance += std::abs(difference) * (values[order[i + 1]] - values[order[i]]);
    }
    return distance;
}

Covariance covariance_of(const std::vector<std::vector<double>>& replicas) {
    RATIOFARM_EXPECT(replicas.size() >= 2);
    const std::size_t bins = replicas.front().size();
    const double n = static_cast<double>(replicas.size());
    std::vector<double> mean(bins, 0.0);
    for (const auto& replica : replicas) {
        for (std::size_t bin = 0; bin < bins; ++bin) mean[bin] += replica[bin] / n;
    }
    Covariance covariance(bins * bins, 0.0);
    for (const auto& replica : replicas) {
        for (std::size_t i = 0; i < bins; ++i) {
            for (std::size_t j = 0; j < bins; ++j) {
                covariance[i * bins + j] +=
                    (replica[i] - mean[i]) * (replica[j] - mean[j]) / (n - 1.0);
            }
        }
    }
    return covariance;
}

Chi2 chi2_of(std::span<const double> difference, const Covariance& v, std::uint32_t replicas) {
    const auto bins = static_cast<Eigen::Index>(difference.size());
    RATIOFARM_EXPECT(v.size() == difference.size() * difference.size());
    const Eigen::Map<const Eigen::MatrixXd> matrix(v.data(), bins, bins);
    const Eigen::Map<const Eigen::VectorXd> d(difference.data(), bins);
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(matrix);
    const double smallest = 1e-10 * solver.eigenvalues().maxCoeff();
    Chi2 chi2;
    for (Eigen::Index i = 0; i < bins; ++i) {
        const double value = solver.eigenvalues()[i];
        if (!(value > smallest) || !(value > 0.0)) continue;
        const double along = solver.eigenvectors().col(i).dot(d);
        chi2.value += along * along / value;
        ++chi2.rank;
    }
    if (replicas > 0) {
        const double b = replicas;
        const double factor = (b - chi2.rank - 2.0) / (b - 1.0);
        chi2.factor = factor > 0.0 ? factor : not_known;
        if (factor > 0.0) chi2.value *= factor;
    }
    chi2.p_value =
        chi2.rank > 0 && std::isfinite(chi2.factor) ? chi2_tail(chi2.value, chi2.rank) : not_known;
    return chi2;
}

}  // namespace ratiofarm
