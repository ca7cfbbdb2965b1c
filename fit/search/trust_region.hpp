#pragma once

#include <optional>

#include <Eigen/Dense>

namespace ratiofarm {

/// -H^-1 g where H is safely positive definite and the step no longer than the radius: what the
/// eigenvalues would give at a tenth of the cost or less.
std::optional<Eigen::VectorXd> newton_step(const Eigen::VectorXd& gradient,
                                           const Eigen::MatrixXd& hessian,
                                           double radius);

/// The point d with |d| <= radius where the quadratic model g.d + d^T H d / 2 is least (Moré and
/// Sorensen, SIAM J. Sci. Stat. Comput. 4 (1983) 553), from the eigenvalues of H, which may be
/// indefinite or singular.
/// \param gradient [n]  \param hessian [n, n], symmetric  \param radius > 0
Eigen::VectorXd trust_region_step(const Eigen::VectorXd& gradient,
                                  const Eigen::MatrixXd& hessian,
                                  double radius);

/// The box that a step must stay in: low <= d <= high, low <= 0 <= high.
struct StepBox {
    Eigen::VectorXd low;
    Eigen::VectorXd high;
};

/// As trust_region_step() inside a box: components that would leave it are put on its side, one
/// round after the other, and the rest is solved again. Not always the least value in the box, but
/// below any step that the box does not cut.
Eigen::VectorXd bounded_step(const Eigen::VectorXd& gradient,
                             const Eigen::MatrixXd& hessian,
                             const StepBox& box,
                             double radius);

}  // namespace ratiofarm
