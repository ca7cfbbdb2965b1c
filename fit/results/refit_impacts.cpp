#include <cmath>

#include "ratiofarm/fit/fit_result.hpp"
#include "ratiofarm/fit/impacts.hpp"
#include "ratiofarm/fit/likelihood.hpp"

#include "fit/search/profile.hpp"

namespace ratiofarm {
namespace {

/// Shift of the parameter of interest where another parameter is held at two values.
void refit_held(const Likelihood& likelihood,
                const FitResult& result,
                Impact& impact,
                const Log& log) {
    const auto& coordinates = likelihood.coordinates();
    const std::size_t poi = parameter_index(likelihood.model(), result.poi);
    const std::size_t a = parameter_index(likelihood.model(), impact.parameter);
    const FittedParameter& fitted = result.parameters[a];
    FitResult alone = result;  // the branch of the result: impacts are local
    alone.minima.resize(1);
    Profile profile(likelihood, alone, {a});
    const auto shift = [&](double value) -> std::optional<double> {
        const Parameter& range = likelihood.model().parameters[a];
        if (value < range.low || value > range.high) {
            log.warning("refit of an impact leaves the range",
                        {{"parameter", impact.parameter}, {"value", value}});
            return std::nullopt;
        }
        const ProfilePoint point = profile.at(coordinates.to_internal(a, value));
        if (!point.converged) {
            log.warning("refit of an impact did not converge",
                        {{"parameter", impact.parameter}, {"value", value}});
            return std::nullopt;
        }
        return coordinates.to_external(poi, point.u[poi]) - result.parameters[poi].value;
    };
    impact.refit_down = shift(fitted.value - fitted.error);
    impact.refit_up = shift(fitted.value + fitted.error);
}

/// Shift of the parameter of interest with one global observable moved by its width.
std::optional<double> refit_observable(Likelihood& likelihood,
                                       const FitResult& result,
                                       std::size_t a,
                                       double shift) {
    const auto current = likelihood.observed();
    const std::vector<double> before(current.begin(), current.end());
    std::vector<double> observed = before;
    observed[a] += shift;

    likelihood.set_observed(observed);
    const auto objective = [&](std::span<const double> u) { return likelihood.evaluate(u); };
    const NewtonResult end = minimise(
        objective, search_space(likelihood),
        likelihood.coordinates().to_internal(result.minima.front().parameters), {.edm = 1e-12});
    likelihood.set_observed(before);
    if (!end.converged()) return std::nullopt;
    const std::size_t poi = parameter_index(likelihood.model(), result.poi);
    return likelihood.coordinates().to_external(poi, end.u[poi]) - result.parameters[poi].value;
}

}  // namespace

void refit_impacts(Likelihood& likelihood,
                   const FitResult& result,
                   std::span<Impact> impacts,
                   const Log& log) {
    for (Impact& impact : impacts) {
        refit_held(likelihood, result, impact, log);
        const std::size_t a = parameter_index(likelihood.model(), impact.parameter);
        const auto width =
            constraint_width(likelihood.model().parameters[a], result.parameters[a].value);
        if (!width) continue;
        impact.observable_down = refit_observable(likelihood, result, a, -*width);
        impact.observable_up = refit_observable(likelihood, result, a, *width);
        if (!impact.observable_down || !impact.observable_up) {
            log.warning("refit with a shifted global observable did not converge",
                        {{"parameter", impact.parameter}});
        }
    }
}

}  // namespace ratiofarm
