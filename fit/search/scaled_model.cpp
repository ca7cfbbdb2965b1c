#include "scaled_model.hpp"

#include <cmath>

namespace ratiofarm {

ScaledModel::ScaledModel(const SearchSpace& space,
                         std::span<const double> u,
                         const Evaluation& at,
                         std::span<const std::size_t> components)
    : free(components.begin(), components.end()) {
    const auto n = static_cast<Eigen::Index>(free.size());
    range.resize(n);
    gradient.resize(n);
    box = {Eigen::VectorXd(n), Eigen::VectorXd(n)};
    for (Eigen::Index k = 0; k < n; ++k) {
        const std::size_t a = free[static_cast<std::size_t>(k)];
        range[k] = space.range(a);
        gradient[k] = at.gradient[a] * range[k];
        box.low[k] = (space.low[a] - u[a]) / range[k];
        box.high[k] = (space.high[a] - u[a]) / range[k];
    }
    hessian = scaled(at.hessian);
}

Eigen::MatrixXd ScaledModel::scaled(std::span<const double> matrix) const {
    const auto n = static_cast<Eigen::Index>(free.size());
    const auto size = static_cast<std::size_t>(std::lround(std::sqrt(matrix.size())));
    Eigen::MatrixXd result(n, n);
    for (Eigen::Index k = 0; k < n; ++k) {
        for (Eigen::Index l = 0; l < n; ++l) {
            result(k, l) = matrix[free[static_cast<std::size_t>(k)] * size +
                                  free[static_cast<std::size_t>(l)]] *
                           range[k] * range[l];
        }
    }
    return result;
}

}  // namespace ratiofarm
