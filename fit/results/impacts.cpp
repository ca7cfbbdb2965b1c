#include "ratiofarm/fit/impacts.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/fit/fit_result.hpp"
#include "ratiofarm/fit/likelihood.hpp"
#include "ratiofarm/physics/internal_coordinates.hpp"

#include "fit/search/dense.hpp"
#include "fit/search/profile.hpp"

namespace ratiofarm {
namespace {

/// Parameters with an error, and the Hessian over them in external coordinates.
struct FreeBlock {
    std::vector<std::size_t> parameters;
    dense::Vector error;
    dense::Matrix hessian;  // of p / error: the inverse of the correlation matrix

    std::size_t position(std::size_t parameter) const {
        return static_cast<std::size_t>(std::find(parameters.begin(), parameters.end(), parameter) -
                                        parameters.begin());
    }
};

FreeBlock free_block(const FitResult& result) {
    FreeBlock block;
    for (std::size_t a = 0; a < result.parameters.size(); ++a) {
        if (result.parameters[a].error > 0.0) block.parameters.push_back(a);
    }
    const std::size_t n = block.parameters.size();
    block.error.resize(n);
    dense::Matrix correlation(n, n);
    for (std::size_t k = 0; k < n; ++k) {
        block.error[k] = result.parameters[block.parameters[k]].error;
        for (std::size_t l = 0; l < n; ++l) {
            correlation(k, l) = result.correlation[block.parameters[k]][block.parameters[l]];
        }
    }
    if (n > 0) block.hessian = dense::pseudo_inverse(correlation);
    return block;
}

/// Variance of one parameter with those for which `fixed` is true held.
template <class Fixed>
double variance_without(const FreeBlock& block, std::size_t parameter, Fixed fixed) {
    std::vector<std::size_t> kept;
    std::size_t position = 0;
    for (std::size_t k = 0; k < block.parameters.size(); ++k) {
        if (block.parameters[k] == parameter) position = kept.size();
        if (!fixed(block.parameters[k])) kept.push_back(k);
    }
    dense::Matrix hessian(kept.size(), kept.size());
    for (std::size_t k = 0; k < kept.size(); ++k) {
        for (std::size_t l = 0; l < kept.size(); ++l) {
            hessian(k, l) = block.hessian(kept[k], kept[l]);
        }
    }
    const dense::Matrix covariance = dense::pseudo_inverse(hessian);
    const double error = block.error[block.position(parameter)];
    return covariance(position, position) * error * error;
}

double root_of_difference(double total, double part) {
    return std::sqrt(std::max(0.0, total - part));
}

}  // namespace

std::optional<double> constraint_width(const Parameter& parameter, double value) {
    switch (parameter.constraint.kind) {
        case Constraint::Kind::none: return std::nullopt;
        case Constraint::Kind::gaussian: return parameter.constraint.width;
        case Constraint::Kind::poisson:
            return parameter.constraint.width * std::sqrt(std::max(0.0, value));
    }
    return std::nullopt;
}

std::vector<Impact> impacts(const StatisticalModel& model, const FitResult& result) {
    const std::size_t poi = parameter_index(model, result.poi);
    const FreeBlock block = free_block(result);
    const std::size_t mu = block.position(poi);
    if (mu == block.parameters.size()) return {};

    std::vector<Impact> all;
    for (std::size_t k = 0; k < block.parameters.size(); ++k) {
        const std::size_t a = block.parameters[k];
        if (a == poi) continue;
        const FittedParameter& fitted = result.parameters[a];
        const auto width = constraint_width(model.parameters[a], fitted.value);
        Impact impact{.parameter = fitted.name};
        impact.others_fixed = -block.hessian(mu, k) / block.hessian(mu, mu) * block.error[mu] /
                              block.error[k] * width.value_or(fitted.error);
        impact.refit_shift = result.covariance[poi][a] / fitted.error;
        if (width && *width > 0.0) impact.global_observable = result.covariance[poi][a] / *width;
        all.push_back(std::move(impact));
    }
    return all;
}

ErrorBreakdown error_breakdown(const StatisticalModel& model, const FitResult& result) {
    const std::size_t poi = parameter_index(model, result.poi);
    const FreeBlock block = free_block(result);
    ErrorBreakdown breakdown;
    if (block.position(poi) == block.parameters.size()) return breakdown;

    const auto is_systematic = [&](std::size_t a) {
        return a != poi && model.parameters[a].constraint.kind != Constraint::Kind::none;
    };
    const double variance = result.covariance[poi][poi];
    double systematic = 0.0;
    for (const Impact& impact : impacts(model, result)) {
        const double shift = impact.global_observable.value_or(0.0);
        systematic += shift * shift;
        const std::string& name = model.parameters[parameter_index(model, impact.parameter)].group;
        if (name.empty() || !impact.global_observable) continue;
        auto group = std::find_if(breakdown.groups.begin(), breakdown.groups.end(),
                                  [&](const auto& g) { return g.group == name; });
        if (group == breakdown.groups.end()) {
            group = breakdown.groups.insert(group, GroupError{.group = name});
        }
        group->global_observables = std::hypot(group->global_observables, shift);
    }
    breakdown.total = std::sqrt(variance);
    breakdown.systematic = std::sqrt(systematic);
    breakdown.statistical = root_of_difference(variance, systematic);
    breakdown.statistical_frozen = std::sqrt(variance_without(block, poi, is_systematic));
    for (GroupError& group : breakdown.groups) {
        group.frozen = root_of_difference(
            variance, variance_without(block, poi, [&](std::size_t a) {
                return is_systematic(a) && model.parameters[a].group == group.group;
            }));
    }
    return breakdown;
}

std::string impact_definition_name(ImpactDefinition definition) {
    switch (definition) {
        case ImpactDefinition::others_fixed: return "others_fixed";
        case ImpactDefinition::refit_shift: return "refit_shift";
        case ImpactDefinition::global_observable: return "global_observable";
    }
    return {};
}

std::optional<double> impact_value(const Impact& impact, ImpactDefinition definition) {
    switch (definition) {
        case ImpactDefinition::others_fixed: return impact.others_fixed;
        case ImpactDefinition::refit_shift: return impact.refit_shift;
        case ImpactDefinition::global_observable: return impact.global_observable;
    }
    return std::nullopt;
}

std::vector<Impact> ranked(std::vector<Impact> impacts, ImpactDefinition definition) {
    std::stable_sort(impacts.begin(), impacts.end(), [&](const Impact& a, const Impact& b) {
        return std::abs(impact_value(a, definition).value_or(0.0)) >
               std::abs(impact_value(b, definition).value_or(0.0));
    });
    return impacts;
}

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
    profile.stay_on_branches();
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
    double step = fitted.error;
    if (!(step > 0.0)) {
        step = constraint_width(likelihood.model().parameters[a], fitted.value).value_or(0.0);
    }
    impact.refit_down = shift(fitted.value - step);
    impact.refit_up = shift(fitted.value + step);
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
