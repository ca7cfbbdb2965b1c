#pragma once

#include <Eigen/Dense>

namespace ratiofarm {

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
