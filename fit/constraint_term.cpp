#include "constraint_term.hpp"

#include <algorithm>
#include <cmath>

namespace ratiofarm {
namespace {

constexpr double smallest_rate = 1e-9;

}  // namespace

void add_constraints(const StatisticalModel& model,
                     std::span<const double> observed,
                     std::span<const double> u,
                     Evaluation& to) {
    const std::size_t n = u.size();
    for (std::size_t a = 0; a < n; ++a) {
        const Constraint& constraint = model.parameters[a].constraint;
        if (constraint.kind == Constraint::Kind::none) continue;
        const double precision = 1.0 / (constraint.width * constraint.width);
        double curvature = precision;
        if (constraint.kind == Constraint::Kind::gaussian) {
            const double distance = u[a] - observed[a];
            to.nll += 0.5 * precision * distance * distance;
            to.gradient[a] += precision * distance;
        } else {
            const double p = std::max(u[a], smallest_rate);
            to.nll += precision * (u[a] - observed[a] * std::log(p));
            to.gradient[a] += precision * (1.0 - observed[a] / p);
            curvature = precision * observed[a] / (p * p);
        }
        to.hessian[a * (n + 1)] += curvature;
        to.fisher[a * (n + 1)] += curvature;
    }
}

}  // namespace ratiofarm
