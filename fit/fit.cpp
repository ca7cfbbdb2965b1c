#include "ratiofarm/fit/fit.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/fit/scan.hpp"

#include "covariance.hpp"
#include "profile.hpp"

namespace ratiofarm {
namespace {

/// Two points are one minimum if the quadratic model puts them closer than this in 2 NLL.
constexpr double same_minimum = 1e-2;

void check_starts(const StatisticalModel& model) {
    std::string problems;
    for (const auto& parameter : model.parameters) {
        if (parameter.start >= parameter.low && parameter.start <= parameter.high) continue;
        problems += (problems.empty() ? "" : "\n") + ("parameter '" + parameter.name) +
                    "': start = " + std::to_string(parameter.start) +
                    " (allowed: " + std::to_string(parameter.low) + " to " +
                    std::to_string(parameter.high) + ")";
    }
    if (!problems.empty()) throw ConfigError(problems);
}

/// The model's own start, then for each parameter of the mixture equal steps over its range in u.
/// The midpoints of n cells are used: the ends are poor starts.
std::vector<std::vector<double>> make_starts(const Likelihood& likelihood,
                                             const SearchSpace& space,
                                             unsigned per_parameter) {
    const auto own = likelihood.coordinates().to_internal(start_values(likelihood.model()));
    std::vector<std::vector<double>> starts{own};
    for (std::size_t a = 0; a < own.size(); ++a) {
        if (space.held[a] || !likelihood.in_coefficient(a)) continue;
        for (unsigned k = 0; k < per_parameter; ++k) {
            const double share = (k + 0.5) / per_parameter;
            starts.push_back(own);
            starts.back()[a] = space.low[a] + share * (space.high[a] - space.low[a]);
        }
    }
    return starts;
}

/// Squared distance in the metric of the Hessian at a known minimum.
double distance(const NewtonResult& known, std::span<const double> u) {
    const std::size_t n = u.size();
    double sum = 0.0;
    for (std::size_t a = 0; a < n; ++a) {
        for (std::size_t b = 0; b < n; ++b) {
            sum += known.at.hessian[a * n + b] * (u[a] - known.u[a]) * (u[b] - known.u[b]);
        }
    }
    return std::abs(sum);
}

bool is_known(const std::vector<NewtonResult>& minima, std::span<const double> u) {
    return std::any_of(minima.begin(), minima.end(),
                       [&](const auto& known) { return distance(known, u) < same_minimum; });
}

/// Distinct converged minima in the order found; where none converged, the best end point.
std::vector<NewtonResult> search(const Likelihood& likelihood,
                                 const SearchSpace& space,
                                 const FitOptions& options,
                                 const Log& log) {
    const auto objective = [&](std::span<const double> u) { return likelihood.evaluate(u); };
    std::vector<NewtonResult> minima;
    std::vector<NewtonResult> failed;
    const NewtonOptions newton{options.max_iterations, options.edm,
                               [&](std::span<const double> u) { return is_known(minima, u); }};
    for (auto& start : make_starts(likelihood, space, options.starts_per_parameter)) {
        NewtonResult end = minimise(objective, space, std::move(start), newton);
        log.debug("minimiser stopped", {{"nll", end.at.nll},
                                        {"edm", end.curvature.edm},
                                        {"converged", end.converged ? "yes" : "no"},
                                        {"known", end.known ? "yes" : "no"},
                                        {"passes", likelihood.passes()}});
        if (end.known || (end.converged && is_known(minima, end.u))) continue;
        (end.converged ? minima : failed).push_back(std::move(end));
    }
    if (minima.empty()) {
        minima.push_back(
            *std::min_element(failed.begin(), failed.end(),
                              [](const auto& a, const auto& b) { return a.at.nll < b.at.nll; }));
    }
    return minima;
}

/// Best first. Minima that are equally deep within the tolerance keep the order of the starts, so
/// that rounding does not choose between them.
void sort_minima(std::vector<NewtonResult>& minima, double same_nll) {
    const auto by_depth = [](const auto& a, const auto& b) { return a.at.nll < b.at.nll; };
    const double deepest = std::min_element(minima.begin(), minima.end(), by_depth)->at.nll;
    std::stable_partition(minima.begin(), minima.end(),
                          [&](const auto& m) { return m.at.nll <= deepest + same_nll; });
    const auto rest = std::find_if(minima.begin(), minima.end(),
                                   [&](const auto& m) { return m.at.nll > deepest + same_nll; });
    std::stable_sort(rest, minima.end(), by_depth);
}

void fill_parameters(const Likelihood& likelihood,
                     const NewtonResult& best,
                     const SearchSpace& space,
                     FitResult& result) {
    const auto theta = likelihood.coordinates().to_external(best.u);
    const auto& parameters = likelihood.model().parameters;
    for (std::size_t a = 0; a < theta.size(); ++a) {
        FittedParameter fitted;
        fitted.name = parameters[a].name;
        fitted.value = theta[a];
        fitted.fixed = parameters[a].fixed;
        fitted.at_bound =
            !fitted.fixed && (best.u[a] <= space.low[a] || best.u[a] >= space.high[a]);
        if (fitted.at_bound) {
            result.warnings.push_back("parameter '" + fitted.name + "' is at the end of its range" +
                                      ": its error and the others' hold the free parameters only");
        }
        result.parameters.push_back(std::move(fitted));
    }
}

void add_warnings(const Likelihood& likelihood, double same_nll, FitResult& result) {
    if (!result.converged) {
        result.warnings.push_back("the minimiser did not converge: edm = " +
                                  std::to_string(result.edm));
    }
    if (result.guards.non_positive_mixture > 0) {
        result.warnings.push_back(
            std::to_string(result.guards.non_positive_mixture) + " of " +
            std::to_string(result.guards.events) +
            " events have a mixture below their floor (1e-6 of their scale) at the minimum and "
            "were continued smoothly: the ratios are poor there");
    }
    const std::size_t poi = parameter_index(likelihood.model(), result.poi);
    for (std::size_t k = 1; k < result.minima.size(); ++k) {
        const double t = 2.0 * (result.minima[k].nll - result.nll);
        if (t > 1.0 + same_nll) continue;
        result.warnings.push_back("another minimum lies at " + result.poi + " = " +
                                  std::to_string(result.minima[k].parameters[poi]) + " with t = " +
                                  std::to_string(t) + ": the error covers the first one only");
    }
}

void fill_interval(const Likelihood& likelihood, FitResult& result) {
    auto& poi = result.parameters[parameter_index(likelihood.model(), result.poi)];
    if (poi.fixed || !result.converged) return;
    const Interval ends = interval(likelihood, result);
    if (ends.low) poi.error_low = poi.value - *ends.low;
    if (ends.high) poi.error_high = *ends.high - poi.value;
}

}  // namespace

FitResult fit(const Likelihood& likelihood, const FitOptions& options, const Log& rank_log) {
    const Log log = likelihood.communicator().is_root() ? rank_log : Log();
    check_starts(likelihood.model());
    const std::uint64_t passes_before = likelihood.passes();
    const SearchSpace space = search_space(likelihood);
    std::vector<NewtonResult> minima = search(likelihood, space, options, log);
    sort_minima(minima, options.same_nll);
    const NewtonResult& best = minima.front();

    FitResult result;
    result.poi = likelihood.model().parameter_of_interest;
    result.converged = best.converged;
    result.nll = best.at.nll;
    result.edm = best.curvature.edm;
    for (const auto& minimum : minima) {
        result.minima.push_back({likelihood.coordinates().to_external(minimum.u), minimum.at.nll});
    }
    result.guards = {likelihood.n_events(), likelihood.n_zero_weight(), best.at.below_floor};
    fill_parameters(likelihood, best, space, result);
    fill_covariance(best, space, likelihood.coordinates(), result);
    if (options.interval) fill_interval(likelihood, result);
    add_warnings(likelihood, options.same_nll, result);
    result.passes = likelihood.passes() - passes_before;

    for (const auto& warning : result.warnings) log.warning(warning);
    log.info("fit finished", {{"nll", result.nll},
                              {"edm", result.edm},
                              {"minima", static_cast<std::uint64_t>(result.minima.size())},
                              {"passes", result.passes}});
    return result;
}

}  // namespace ratiofarm
