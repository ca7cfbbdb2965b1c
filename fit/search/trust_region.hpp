#pragma once

#include <optional>
#include <span>
#include <vector>

#include "dense.hpp"
#include "newton.hpp"

namespace ratiofarm {

/// -H^-1 g where H is safely positive definite and the step no longer than the radius: what the
/// eigenvalues would give at a tenth of the cost or less.
std::optional<dense::Vector> newton_step(const dense::Vector& gradient,
                                         const dense::Matrix& hessian,
                                         double radius);

/// The point d with |d| <= radius where the quadratic model g.d + d^T H d / 2 is least (Moré and
/// Sorensen, SIAM J. Sci. Stat. Comput. 4 (1983) 553), from the eigenvalues of H, which may be
/// indefinite or singular.
/// \param gradient [n]  \param hessian [n, n], symmetric  \param radius > 0
dense::Vector trust_region_step(const dense::Vector& gradient,
                                const dense::Matrix& hessian,
                                double radius);

/// The box that a step must stay in: low <= d <= high, low <= 0 <= high.
struct StepBox {
    dense::Vector low;
    dense::Vector high;
};

/// As trust_region_step() inside a box: components that would leave it are put on its side, one
/// round after the other, and the rest is solved again. Not always the least value in the box, but
/// below any step that the box does not cut.
dense::Vector bounded_step(const dense::Vector& gradient,
                           const dense::Matrix& hessian,
                           const StepBox& box,
                           double radius);

/// Gradient, Hessian and box around a point over some components. Lengths are in units of each
/// component's range, so that a radius means something.
struct ScaledModel {
    /// \param free components of the model, in order
    ScaledModel(const SearchSpace& space,
                std::span<const double> u,
                const Evaluation& at,
                std::span<const std::size_t> free);

    /// Another [n, n] matrix of the same point, over the same components and in the same units.
    dense::Matrix scaled(std::span<const double> matrix) const;

    std::vector<std::size_t> free;
    dense::Vector range;
    dense::Vector gradient;
    dense::Matrix hessian;
    StepBox box;
};

}  // namespace ratiofarm
