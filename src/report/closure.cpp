#include "closure.hpp"

#include <algorithm>
#include <cmath>

#include <Eigen/Dense>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {
namespace {

using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

/// Sums over the events of one sample k. With u the normalised weight, q = pi_k r and
/// a = [k is the target] - q, an event adds u a to the difference target - reweighted of its bin.
struct ClosureSums {
    explicit ClosureSums(Eigen::Index bins)
        : content(Vector::Zero(bins)),
          square(Vector::Zero(bins)),
          reweighted(Vector::Zero(bins)),
          net(Vector::Zero(bins)),
          aa(Vector::Zero(bins)),
          aq(Vector::Zero(bins)),
          a(Vector::Zero(bins)) {}

    Vector content;                       ///< sum u
    Vector square;                        ///< sum u^2
    Vector reweighted;                    ///< sum u q
    Vector net;                           ///< sum u q times the spread of ln r
    Vector aa, aq, a;                     ///< sums of u^2 a^2, u^2 a q, u^2 a
    double qq = 0.0, q = 0.0, one = 0.0;  ///< sums over all bins of u^2 q^2, u^2 q, u^2
};

ClosureSums sum_sample(const SampleEvents& sample,
                       double is_target,
                       double scale,
                       const Binning& binning) {
    RATIOFARM_EXPECT(sample.feature.size() == sample.weight.size());
    ClosureSums sums(static_cast<Eigen::Index>(binning.bins()));
    const double total = total_weight(sample.weight);
    for (std::size_t i = 0; i < sample.weight.size(); ++i) {
        const auto bin = static_cast<Eigen::Index>(binning.bin_of(sample.feature[i]));
        const double u = sample.weight[i] / total;
        const double q =
            sample.fraction == 0.0
                ? 0.0
                : sample.fraction * scale * std::exp(static_cast<double>(sample.log_ratio[i]));
        const double a = is_target - q;
        sums.content[bin] += u;
        sums.square[bin] += u * u;
        sums.reweighted[bin] += u * q;
        if (!sample.spread.empty()) sums.net[bin] += u * q * sample.spread[i];
        sums.aa[bin] += u * u * a * a;
        sums.aq[bin] += u * u * a * q;
        sums.a[bin] += u * u * a;
        sums.qq += u * u * q * q;
        sums.q += u * u * q;
        sums.one += u * u;
    }
    return sums;
}

/// Covariance of the differences that sample k causes. Moving the weight of one event moves
/// the difference of bin b by u (a [its bin is b] + q m_b - h_b): m carries the division of r by
/// its mean, h that of the weights by their sum. Its square is summed over the events.
Matrix covariance_of(const ClosureSums& sums, double is_target, const Vector& m) {
    const Vector difference = is_target * sums.content - sums.reweighted;
    const Vector h = difference + m * sums.reweighted.sum();
    Matrix result = Matrix(sums.aa.asDiagonal());
    const Matrix mixed =
        sums.aq * m.transpose() - sums.a * h.transpose() - sums.q * m * h.transpose();
    result += mixed + mixed.transpose();
    result += sums.qq * m * m.transpose() + sums.one * h * h.transpose();
    return result;
}

/// chi2 of `difference` on the subspace where its covariance is not zero, and its dimension.
void chi_square(const Vector& difference, const Matrix& covariance, Closure& result) {
    std::vector<Eigen::Index> used;
    for (Eigen::Index b = 0; b < difference.size(); ++b) {
        if (covariance(b, b) > 0.0) used.push_back(b);
    }
    const auto n = static_cast<Eigen::Index>(used.size());
    if (n == 0) return;
    Vector pull(n);
    Matrix correlation(n, n);
    for (Eigen::Index i = 0; i < n; ++i) {
        const double sigma = std::sqrt(
            covariance(used[static_cast<std::size_t>(i)], used[static_cast<std::size_t>(i)]));
        pull[i] = difference[used[static_cast<std::size_t>(i)]] / sigma;
        for (Eigen::Index j = 0; j < n; ++j) {
            const Eigen::Index other = used[static_cast<std::size_t>(j)];
            correlation(i, j) = covariance(used[static_cast<std::size_t>(i)], other) /
                                (sigma * std::sqrt(covariance(other, other)));
        }
    }
    const Eigen::SelfAdjointEigenSolver<Matrix> solver(correlation);
    constexpr double rank_tolerance =
        1e-9;  // of the largest eigenvalue; rounding leaves about 1e-15
    for (Eigen::Index i = 0; i < n; ++i) {
        const double eigenvalue = solver.eigenvalues()[i];
        if (eigenvalue < rank_tolerance * solver.eigenvalues()[n - 1]) continue;
        const double projection = solver.eigenvectors().col(i).dot(pull);
        result.chi2 += projection * projection / eigenvalue;
        ++result.ndf;
    }
}

}  // namespace

Closure closure(std::span<const SampleEvents> samples,
                std::size_t target,
                const Binning& binning,
                RatioScale scale,
                std::size_t nets) {
    RATIOFARM_EXPECT(target < samples.size());
    const auto n = static_cast<Eigen::Index>(binning.bins());
    const bool normalise = scale == RatioScale::normalised;
    const double factor = normalise ? 1.0 / reference_mean(samples) : 1.0;

    std::vector<ClosureSums> sums;
    Vector reweighted = Vector::Zero(n);
    Vector reference = Vector::Zero(n);
    Vector net = Vector::Zero(n);
    for (std::size_t k = 0; k < samples.size(); ++k) {
        sums.push_back(sum_sample(samples[k], k == target ? 1.0 : 0.0, factor, binning));
        reweighted += sums.back().reweighted;
        net += sums.back().net / std::sqrt(static_cast<double>(std::max<std::size_t>(nets, 1)));
        reference += samples[k].fraction * sums.back().content;
    }
    const Vector mean_response = normalise ? reweighted : Vector::Zero(n);
    Matrix covariance = Matrix::Zero(n, n);
    for (std::size_t k = 0; k < samples.size(); ++k) {
        covariance += covariance_of(sums[k], k == target ? 1.0 : 0.0, mean_response);
    }

    Closure result{.binning = binning, .bins = {}};
    const ClosureSums& own = sums[target];
    for (Eigen::Index b = 0; b < n; ++b) {
        const double part = own.content[b];
        const double variance = own.square[b] * (1.0 - 2.0 * part) + part * part * own.one;
        result.bins.push_back({.target = part,
                               .target_error = std::sqrt(std::max(0.0, variance)),
                               .reweighted = reweighted[b],
                               .reference = reference[b],
                               .error = std::sqrt(std::max(0.0, covariance(b, b)))});
    }
    // The error of a bin moves all others through the mean that r is divided by.
    const Matrix response = Matrix::Identity(n, n) - mean_response * Vector::Ones(n).transpose();
    covariance += response * net.cwiseAbs2().asDiagonal() * response.transpose();
    chi_square(own.content - reweighted, covariance, result);
    return result;
}

bool closes(const Closure& closure) {
    constexpr double allowed_rms = 0.05;
    const auto ndf = static_cast<double>(closure.ndf);
    return closure.chi2 <= ndf + 3.0 * std::sqrt(2.0 * ndf) || closure_rms(closure) <= allowed_rms;
}

double closure_rms(const Closure& closure) {
    double sum = 0.0;
    std::size_t used = 0;
    for (const ClosureBin& bin : closure.bins) {
        if (!(bin.target > 0.0)) continue;
        const double relative = bin.reweighted / bin.target - 1.0;
        const double statistical = bin.error / bin.target;
        sum += relative * relative - statistical * statistical;
        ++used;
    }
    return used == 0 ? 0.0 : std::sqrt(std::max(0.0, sum / static_cast<double>(used)));
}

}  // namespace ratiofarm
