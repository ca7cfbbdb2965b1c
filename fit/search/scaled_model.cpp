#include "scaled_model.hpp"

#include <cmath>

namespace ratiofarm {

ScaledModel::ScaledModel(const SearchSpace& space,
                         std::span<const double> u,
                         const Evaluation& at,
                         std::span<const std::size_t> components)
    : free(components.begin(), components.end()) {
    const std::size_t n = free.size();
    range.resize(n);
    gradient.resize(n);
    box = {dense::Vector(n), dense::Vector(n)};
    for (std::size_t k = 0; k < n; ++k) {
        const std::size_t a = free[k];
        range[k] = space.range(a);
        gradient[k] = at.gradient[a] * range[k];
        box.low[k] = (space.low[a] - u[a]) / range[k];
        box.high[k] = (space.high[a] - u[a]) / range[k];
    }
    hessian = scaled(at.hessian);
}

dense::Matrix ScaledModel::scaled(std::span<const double> matrix) const {
    const std::size_t n = free.size();
    const auto size = static_cast<std::size_t>(std::lround(std::sqrt(matrix.size())));
    dense::Matrix result(n, n);
    for (std::size_t k = 0; k < n; ++k) {
        for (std::size_t l = 0; l < n; ++l) {
            result(k, l) = matrix[free[k] * size + free[l]] * range[k] * range[l];
        }
    }
    return result;
}

}  // namespace ratiofarm
