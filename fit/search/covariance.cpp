#include "covariance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <Eigen/Dense>

namespace ratiofarm {
namespace {

/// Eigenvalues of the Hessian with unit diagonal below this are zero but for rounding.
constexpr double flat_curvature = 1e-11;

Eigen::Index at(std::size_t k) { return static_cast<Eigen::Index>(k); }

/// H restricted to the free components, with its diagonal taken out: unit[k] is the error of
/// component k with all others fixed.
struct CorrelationForm {
    Eigen::VectorXd unit;
    Eigen::MatrixXd matrix;
};

CorrelationForm correlation_form(const NewtonResult& minimum, const SearchSpace& space) {
    const auto& free = minimum.curvature.free;
    const std::size_t n = minimum.u.size();
    CorrelationForm form{Eigen::VectorXd(at(free.size())),
                         Eigen::MatrixXd(at(free.size()), at(free.size()))};
    for (std::size_t k = 0; k < free.size(); ++k) {
        const double curvature = minimum.at.hessian[free[k] * n + free[k]];
        form.unit[at(k)] = curvature > 0.0 ? 1.0 / std::sqrt(curvature) : space.range(free[k]);
    }
    for (std::size_t k = 0; k < free.size(); ++k) {
        for (std::size_t l = 0; l < free.size(); ++l) {
            form.matrix(at(k), at(l)) =
                minimum.at.hessian[free[k] * n + free[l]] * form.unit[at(k)] * form.unit[at(l)];
        }
    }
    return form;
}

/// The parameters that make up most of a direction, at most five.
FlatDirection named(const Eigen::VectorXd& direction,
                    std::span<const std::size_t> free,
                    const FitResult& result) {
    std::vector<std::size_t> order(free.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t k, std::size_t l) {
        return std::abs(direction[at(k)]) > std::abs(direction[at(l)]) + 1e-9;
    });
    FlatDirection flat;
    const double sense = direction[at(order.front())] < 0.0 ? -1.0 : 1.0;
    for (const std::size_t k : order) {
        const double share = sense * direction[at(k)];
        if (flat.leading.size() == 5 || std::abs(share) < 0.1) break;
        flat.leading.push_back({result.parameters[free[k]].name, share});
    }
    return flat;
}

/// The inverse over the directions with curvature; the others go into the result.
Eigen::MatrixXd inverse(const CorrelationForm& form,
                        std::span<const std::size_t> free,
                        FitResult& result) {
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(form.matrix);
    const Eigen::VectorXd& eigenvalues = solver.eigenvalues();
    const double largest = eigenvalues.cwiseAbs().maxCoeff();
    Eigen::VectorXd weight = Eigen::VectorXd::Zero(eigenvalues.size());
    for (Eigen::Index k = 0; k < eigenvalues.size(); ++k) {
        if (eigenvalues[k] > flat_curvature * largest) {
            weight[k] = 1.0 / eigenvalues[k];
        } else {
            result.flat_directions.push_back(named(solver.eigenvectors().col(k), free, result));
        }
    }
    const Eigen::MatrixXd weighted = solver.eigenvectors() * weight.asDiagonal();
    const Eigen::MatrixXd sum = weighted * solver.eigenvectors().transpose();
    result.condition_number = result.flat_directions.empty()
                                  ? largest / eigenvalues.minCoeff()
                                  : std::numeric_limits<double>::infinity();
    return form.unit.asDiagonal() * sum * form.unit.asDiagonal();
}

void fill_correlation(std::span<const std::size_t> free, FitResult& result) {
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

    const Eigen::MatrixXd v = inverse(correlation_form(minimum, space), free, result);
    for (std::size_t k = 0; k < free.size(); ++k) {
        for (std::size_t l = 0; l < free.size(); ++l) {
            result.covariance[free[k]][free[l]] = v(at(k), at(l)) *
                                                  coordinates.slope(free[k], minimum.u[free[k]]) *
                                                  coordinates.slope(free[l], minimum.u[free[l]]);
        }
    }
    fill_correlation(free, result);
}

}  // namespace ratiofarm
