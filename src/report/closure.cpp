#include "closure.hpp"

#include <algorithm>
#include <cmath>

#include <Eigen/Core>

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
    const Vector difference = reweighted - own.content;
    const auto values = [](const auto& of) {
        return std::span<const double>(of.data(), static_cast<std::size_t>(of.size()));
    };
    result.agreement = agreement_of(values(difference), values(covariance), values(own.content));
    return result;
}

}  // namespace ratiofarm
