#include "covariance.hpp"

#include <cmath>

#include <Eigen/Dense>

namespace ratiofarm {
namespace {

/// H restricted to the free components, in units of their ranges.
Eigen::MatrixXd scaled_hessian(const NewtonResult& minimum, const SearchSpace& space) {
    const auto& free = minimum.curvature.free;
    const auto n = static_cast<Eigen::Index>(free.size());
    Eigen::MatrixXd hessian(n, n);
    for (Eigen::Index k = 0; k < n; ++k) {
        for (Eigen::Index l = 0; l < n; ++l) {
            const std::size_t a = free[static_cast<std::size_t>(k)];
            const std::size_t b = free[static_cast<std::size_t>(l)];
            hessian(k, l) = minimum.at.hessian[a * minimum.u.size() + b] *
                            (space.high[a] - space.low[a]) * (space.high[b] - space.low[b]);
        }
    }
    return hessian;
}

/// The inverse over the directions with curvature; names a parameter of every other one.
Eigen::MatrixXd inverse(const Eigen::MatrixXd& hessian,
                        std::span<const std::size_t> free,
                        FitResult& result) {
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(hessian);
    const Eigen::VectorXd& eigenvalues = solver.eigenvalues();
    Eigen::MatrixXd sum = Eigen::MatrixXd::Zero(hessian.rows(), hessian.cols());
    for (Eigen::Index k = 0; k < eigenvalues.size(); ++k) {
        const Eigen::VectorXd direction = solver.eigenvectors().col(k);
        if (eigenvalues[k] > 1e-12 * eigenvalues.cwiseAbs().maxCoeff()) {
            sum += direction * direction.transpose() / eigenvalues[k];
            continue;
        }
        Eigen::Index largest = 0;
        direction.cwiseAbs().maxCoeff(&largest);
        result.warnings.push_back(
            "the events do not determine a combination of parameters led by '" +
            result.parameters[free[static_cast<std::size_t>(largest)]].name +
            "': errors hold the other directions only");
    }
    return sum;
}

}  // namespace

void fill_covariance(const NewtonResult& minimum,
                     const SearchSpace& space,
                     const InternalCoordinates& coordinates,
                     FitResult& result) {
    const std::size_t n = minimum.u.size();
    const auto& free = minimum.curvature.free;
    result.covariance.assign(n, std::vector<double>(n));
    result.correlation.assign(n, std::vector<double>(n));
    if (free.empty()) return;

    const Eigen::MatrixXd v = inverse(scaled_hessian(minimum, space), free, result);
    const auto to_external = [&](std::size_t a) {
        return coordinates.slope(a, minimum.u[a]) * (space.high[a] - space.low[a]);
    };
    for (std::size_t k = 0; k < free.size(); ++k) {
        for (std::size_t l = 0; l < free.size(); ++l) {
            result.covariance[free[k]][free[l]] =
                v(static_cast<Eigen::Index>(k), static_cast<Eigen::Index>(l)) *
                to_external(free[k]) * to_external(free[l]);
        }
    }
    for (const std::size_t a : free) {
        result.parameters[a].error = std::sqrt(result.covariance[a][a]);
    }
    for (const std::size_t a : free) {
        for (const std::size_t b : free) {
            const double product = result.parameters[a].error * result.parameters[b].error;
            result.correlation[a][b] = product > 0.0 ? result.covariance[a][b] / product : 0.0;
        }
        result.correlation[a][a] = 1.0;
    }
}

}  // namespace ratiofarm
