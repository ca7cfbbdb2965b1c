#include "agreement.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <Eigen/Dense>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {
namespace {

using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

/// Fills chi2 and ndf on the subspace where the covariance is not zero.
void chi_square(const Vector& difference, const Matrix& covariance, Agreement& result) {
    std::vector<Eigen::Index> used;
    for (Eigen::Index b = 0; b < difference.size(); ++b) {
        if (covariance(b, b) > 0.0) used.push_back(b);
    }
    if (used.empty()) return;
    const Vector sigma = covariance.diagonal()(used).cwiseSqrt();
    const Vector pull = difference(used).cwiseQuotient(sigma);
    const Vector inverse = sigma.cwiseInverse();
    const Matrix correlation = inverse.asDiagonal() * covariance(used, used) * inverse.asDiagonal();
    const Eigen::SelfAdjointEigenSolver<Matrix> solver(correlation);
    constexpr double rank_tolerance =
        1e-9;  // of the largest eigenvalue; rounding leaves about 1e-15
    const Vector projection = solver.eigenvectors().transpose() * pull;
    for (Eigen::Index i = 0; i < pull.size(); ++i) {
        const double eigenvalue = solver.eigenvalues()[i];
        if (eigenvalue < rank_tolerance * solver.eigenvalues()[pull.size() - 1]) continue;
        result.chi2 += projection[i] * projection[i] / eigenvalue;
        ++result.ndf;
    }
}

/// \param relative [n] differences  \param covariance [n, n] of them
double rest_of(const Vector& relative, const Matrix& covariance, double ndf) {
    const Eigen::SelfAdjointEigenSolver<Matrix> solver(covariance);
    const Vector known = solver.eigenvalues().cwiseMax(0.0);
    const Vector square = (solver.eigenvectors().transpose() * relative).cwiseAbs2();
    double low = 0.0;
    double high = square.sum() / ndf;  // of its square: without statistics
    for (int step = 0; step < 60; ++step) {
        const double middle = 0.5 * (low + high);
        const double chi2 = (square.array() / (known.array() + middle)).sum();
        (chi2 > ndf ? low : high) = middle;
    }
    return std::sqrt(high);
}

}  // namespace

Verdict verdict_of(const Agreement& agreement) {
    constexpr double small = 0.05;
    const auto ndf = static_cast<double>(agreement.ndf);
    if (agreement.chi2 <= ndf + 3.0 * std::sqrt(2.0 * ndf)) {
        return agreement.ndf < 2 ? Verdict::nothing : Verdict::agrees;
    }
    return agreement.rest <= small ? Verdict::small : Verdict::differs;
}

Agreement agreement_of(std::span<const double> differences,
                       std::span<const double> covariances,
                       std::span<const double> units) {
    RATIOFARM_EXPECT(differences.size() == units.size());
    RATIOFARM_EXPECT(covariances.size() == units.size() * units.size());
    const auto n = static_cast<Eigen::Index>(units.size());
    const Eigen::Map<const Vector> difference(differences.data(), n);
    const Eigen::Map<const Matrix> covariance(covariances.data(), n, n);
    const Eigen::Map<const Vector> unit(units.data(), n);
    Agreement result;
    chi_square(difference, covariance, result);
    std::vector<Eigen::Index> used;
    for (Eigen::Index b = 0; b < unit.size(); ++b) {
        if (unit[b] != 0.0) used.push_back(b);
    }
    const auto ndf = static_cast<double>(result.ndf > 0 ? result.ndf : used.size());
    const Vector inverse = unit(used).cwiseInverse();
    const Vector relative = difference(used).cwiseProduct(inverse);
    const bool explained = result.ndf > 0 && result.chi2 <= ndf;
    if (explained || relative.squaredNorm() == 0.0) return result;
    result.rest = rest_of(
        relative, inverse.asDiagonal() * covariance(used, used) * inverse.asDiagonal(), ndf);
    return result;
}

}  // namespace ratiofarm
