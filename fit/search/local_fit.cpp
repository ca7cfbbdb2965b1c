#include "local_fit.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "fit/finite_mc/estimate_row.hpp"

#include "dense.hpp"
#include "newton.hpp"
#include "profile.hpp"

namespace ratiofarm {

std::vector<double> estimate_row(const Likelihood& likelihood,
                                 std::span<const double> u,
                                 const Evaluation& at,
                                 std::span<const std::size_t> free,
                                 std::size_t parameter) {
    const std::size_t n = at.gradient.size();
    std::vector<double> row(n, 0.0);
    const auto found = std::find(free.begin(), free.end(), parameter);
    if (found == free.end()) return row;
    const std::size_t size = free.size();
    dense::Matrix hessian(size, size);
    for (std::size_t k = 0; k < size; ++k) {
        for (std::size_t l = 0; l < size; ++l) {
            hessian(k, l) = at.hessian[free[k] * n + free[l]];
        }
    }
    dense::Vector unit(size);
    unit[static_cast<std::size_t>(found - free.begin())] =
        likelihood.coordinates().gradient(parameter, u[parameter]);
    const dense::Vector solved = dense::solve_symmetric(hessian, unit);
    for (std::size_t k = 0; k < size; ++k) row[free[k]] = solved[k];
    return row;
}

LocalFit local_fit(const Likelihood& likelihood, std::span<const double> start) {
    const SearchSpace space = search_space(likelihood);
    const std::size_t poi =
        parameter_index(likelihood.model(), likelihood.model().parameter_of_interest);
    std::optional<Evaluation> first;
    const Objective objective = [&](std::span<const double> u) {
        Evaluation at = likelihood.evaluate(u);
        if (!first) first = at;
        return at;
    };
    const NewtonResult end =
        minimise(objective, space, std::vector<double>(start.begin(), start.end()), {});

    LocalFit fit{.converged = end.converged(), .u = end.u};
    fit.value = likelihood.coordinates().to_external(poi, end.u[poi]);
    const auto row = estimate_row(likelihood, end.u, end.at, end.curvature.free, poi);
    const double gradient = likelihood.coordinates().gradient(poi, end.u[poi]);
    fit.error = std::sqrt(std::max(0.0, gradient * row[poi]));
    const Curvature before = curvature_at(space, start, *first);
    const auto step = estimate_row(likelihood, start, *first, before.free, poi);
    fit.newton = likelihood.coordinates().to_external(poi, start[poi]);
    for (std::size_t a = 0; a < step.size(); ++a) fit.newton -= step[a] * first->gradient[a];
    return fit;
}

}  // namespace ratiofarm
