#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace ratiofarm {

/// Lower factor L of a symmetric matrix A = L L^T, or nothing if A is not positive definite.
/// Written out, so that simulated events have the same bits whatever the linear algebra library.
/// \param matrix [d, d] row-major  \return [d, d] row-major, zeros above the diagonal
std::optional<std::vector<double>> cholesky_factor(std::span<const double> matrix, std::size_t d);

/// Solves L y = x. \param x [d]  \return [d]
std::vector<double> solve_lower(std::span<const double> factor, std::span<const double> x);

/// ln det A = 2 sum ln L_ii.
double log_determinant(std::span<const double> factor, std::size_t d);

}  // namespace ratiofarm
