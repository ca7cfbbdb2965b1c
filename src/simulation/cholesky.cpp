#include "cholesky.hpp"

#include <cmath>

namespace ratiofarm {

std::optional<std::vector<double>> cholesky_factor(std::span<const double> matrix, std::size_t d) {
    std::vector<double> factor(d * d, 0.0);
    for (std::size_t row = 0; row < d; ++row) {
        for (std::size_t column = 0; column <= row; ++column) {
            double rest = matrix[row * d + column];
            for (std::size_t k = 0; k < column; ++k) {
                rest -= factor[row * d + k] * factor[column * d + k];
            }
            if (row != column) {
                factor[row * d + column] = rest / factor[column * d + column];
            } else if (rest > 0.0 && std::isfinite(rest)) {
                factor[row * d + row] = std::sqrt(rest);
            } else {
                return std::nullopt;
            }
        }
    }
    return factor;
}

std::vector<double> solve_lower(std::span<const double> factor, std::span<const double> x) {
    const std::size_t d = x.size();
    std::vector<double> y(d);
    for (std::size_t row = 0; row < d; ++row) {
        double rest = x[row];
        for (std::size_t k = 0; k < row; ++k) rest -= factor[row * d + k] * y[k];
        y[row] = rest / factor[row * d + row];
    }
    return y;
}

double log_determinant(std::span<const double> factor, std::size_t d) {
    double sum = 0.0;
    for (std::size_t row = 0; row < d; ++row) sum += 2.0 * std::log(factor[row * d + row]);
    return sum;
}

}  // namespace ratiofarm
