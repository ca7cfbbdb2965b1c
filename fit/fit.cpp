#include "ratiofarm/fit/fit.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <utility>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/fit/scan.hpp"

#include "fit/search/covariance.hpp"
#include "fit/search/fit_warnings.hpp"
#include "fit/search/interval.hpp"
#include "fit/search/minima_search.hpp"
#include "fit/search/profile.hpp"

#include "parameter_roles.hpp"

namespace ratiofarm {
namespace {

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

/// \param places to descend from as well, u
FoundMinima search(const Likelihood& likelihood,
                   const SearchSpace& space,
                   const FitOptions& options,
                   const std::vector<std::vector<double>>& places) {
    MinimaSearchOptions search;
    search.newton = {options.max_iterations, options.edm, {}};
    search.starts = options.starts;
    const auto roles = parameter_roles(likelihood.model());
    for (std::size_t a = 0; a < roles.size(); ++a) {
        if (roles[a].several_minima) search.axes.push_back(a);
    }
    search.turning = [&](std::span<const double> u) {
        return turning_components(likelihood, space, u);
    };
    search.places = places;
    return find_minima([&](std::span<const double> u) { return likelihood.evaluate(u); }, space,
                       likelihood.coordinates().to_internal(start_values(likelihood.model())),
                       search);
}

/// Best first. Minima that are equally deep within the tolerance keep the order of the starts, so
/// that rounding does not choose between them.
void sort_minima(std::vector<NewtonResult>& minima, double same_nll) {
    const auto by_depth = [](const auto& a, const auto& b) { return a.at.nll < b.at.nll; };
    const double deepest = std::min_element(minima.begin(), minima.end(), by_depth)->at.nll;
    const auto rest = std::stable_partition(minima.begin(), minima.end(), [&](const auto& m) {
        return m.at.nll <= deepest + same_nll;
    });
    std::stable_sort(rest, minima.end(), by_depth);
}

/// theta without the sign of a zero, which only says on which side of a kink it is.
std::vector<double> external(const Likelihood& likelihood, std::span<const double> u) {
    std::vector<double> theta = likelihood.coordinates().to_external(u);
    for (double& value : theta) value += 0.0;
    return theta;
}

void fill_parameters(const Likelihood& likelihood,
                     const NewtonResult& best,
                     const SearchSpace& space,
                     FitResult& result) {
    const auto theta = external(likelihood, best.u);
    const auto& parameters = likelihood.model().parameters;
    for (std::size_t a = 0; a < theta.size(); ++a) {
        FittedParameter fitted{.name = parameters[a].name,
                               .value = theta[a],
                               .fixed = parameters[a].fixed,
                               .group = parameters[a].group};
        fitted.at_bound =
            !space.held[a] && (best.u[a] <= space.low[a] || best.u[a] >= space.high[a]);
        result.parameters.push_back(std::move(fitted));
    }
}

void fill_pulls(const Likelihood& likelihood, FitResult& result) {
    const auto observed = likelihood.observed();
    for (std::size_t a = 0; a < result.parameters.size(); ++a) {
        FittedParameter& fitted = result.parameters[a];
        const Parameter& parameter = likelihood.model().parameters[a];
        const auto width = constraint_width(parameter, observed[a]);
        if (!width || !(*width > 0.0) || fitted.fixed) continue;
        fitted.pull = (fitted.value - observed[a]) / *width;
        if (fitted.no_error == NoError::none) fitted.constraint = fitted.error / *width;
    }
}

void fill_guards(const Likelihood& likelihood, const NewtonResult& best, FitResult& result) {
    result.guards = {likelihood.n_events(), likelihood.n_zero_weight(),
                     best.at.below_floor,   best.at.below_floor,
                     best.at.clipped,       {}};
    for (const auto& clipped : likelihood.clipped_anchors()) {
        result.guards.clipped_anchors.push_back(
            {clipped.region, clipped.process, clipped.count, clipped.share});
    }
    for (const auto& z : likelihood.normalisations(best.u)) {
        result.normalisations.push_back({z.region, z.process, z.z, z.z_of_reference});
    }
}

/// The ends of t < 1 of the parameter of interest and of those asked for.
/// \return a point below the minimum where a profile came to one; the rest is then left out
std::optional<std::vector<double>> fill_intervals(const Likelihood& likelihood,
                                                  const FitOptions& options,
                                                  const NewtonResult& best,
                                                  FitResult& result) {
    std::vector<std::size_t> wanted;
    if (options.interval) wanted.push_back(parameter_index(likelihood.model(), result.poi));
    for (const auto& name : options.intervals) {
        const std::size_t a = parameter_index(likelihood.model(), name);
        if (std::find(wanted.begin(), wanted.end(), a) == wanted.end()) wanted.push_back(a);
    }
    if (wanted.empty() || !result.converged) return std::nullopt;
    const SearchSpace space = search_space(likelihood);
    for (const std::size_t a : wanted) {
        FittedParameter& fitted = result.parameters[a];
        if (space.held[a]) continue;
        Profile profile(likelihood, result, best, {a});
        const Interval ends = interval_of(profile, likelihood.coordinates(), fitted.error, 1.0);
        if (profile.deeper() != nullptr) return *profile.deeper();
        if (ends.low) fitted.error_low = std::max(0.0, fitted.value - *ends.low);
        if (ends.high) fitted.error_high = std::max(0.0, *ends.high - fitted.value);
        fitted.interval_failed = !ends.converged;
        result.guards.below_floor_on_profiles =
            std::max(result.guards.below_floor_on_profiles, profile.most_below_floor());
    }
    return std::nullopt;
}

/// Marks the impacts that first order does not tell, and adds those of parameters at a kink, which
/// have no error.
void mark_impacts(const Likelihood& likelihood, std::span<const double> u, FitResult& result) {
    const FittedParameter* poi = find_fitted(result, result.poi);
    if (!(poi->error > 0.0)) return;
    const auto roles = parameter_roles(likelihood, u);
    std::vector<Impact> all;
    auto next = result.impacts.begin();
    for (std::size_t a = 0; a < roles.size(); ++a) {
        const FittedParameter& fitted = result.parameters[a];
        const bool known = next != result.impacts.end() && next->parameter == fitted.name;
        const bool at_kink = fitted.no_error == NoError::kink;
        if (known) all.push_back(*next++);
        if (at_kink && !known) all.push_back({.parameter = fitted.name});
        const ShapeParity& parity = roles[a].parity;
        const bool even = roles[a].turning > 0.0 && parity.even >= 0.9 * parity.odd &&
                          std::abs(fitted.value) < fitted.error;
        if (known || at_kink) all.back().not_linear = at_kink || even;
    }
    result.impacts = std::move(all);
}

/// Everything but the intervals from what the search found.
FitResult result_of(const Likelihood& likelihood,
                    const FoundMinima& found,
                    const SearchSpace& space) {
    const NewtonResult& best = found.minima.front();
    FitResult result;
    result.poi = likelihood.model().parameter_of_interest;
    result.converged = best.converged();
    result.at_rounding = best.end == NewtonEnd::at_rounding;
    result.nll = best.at.nll;
    result.edm = best.curvature.edm;
    for (const auto& minimum : found.minima) {
        result.minima.push_back({external(likelihood, minimum.u), minimum.at.nll});
    }
    fill_parameters(likelihood, best, space, result);
    fill_covariance(best, space, likelihood.coordinates(), result);
    fill_pulls(likelihood, result);
    fill_guards(likelihood, best, result);
    result.impacts = impacts(likelihood.model(), result);
    mark_impacts(likelihood, best.u, result);
    result.breakdown = error_breakdown(likelihood.model(), result);
    return result;
}

}  // namespace

FitResult fit(const Likelihood& likelihood, const FitOptions& options, const Log& log) {
    check_starts(likelihood.model());
    const std::uint64_t passes_before = likelihood.passes();
    const SearchSpace space = search_space(likelihood);
    std::vector<std::vector<double>> places;
    for (const auto& given : options.places) {
        std::vector<double> theta = start_values(likelihood.model());
        std::copy_n(given.begin(), std::min(given.size(), theta.size()), theta.begin());
        places.push_back(likelihood.coordinates().to_internal(theta));
    }
    FitResult result;
    PassCounts spent;
    std::vector<std::string> found_later;
    constexpr int most_rounds = 4;
    for (int round = 0; round < most_rounds; ++round) {
        FoundMinima found = search(likelihood, space, options, places);
        sort_minima(found.minima, options.same_nll);
        const double before = result.nll;
        result = result_of(likelihood, found, space);
        if (round > 0) {
            found_later.push_back("the search had missed a minimum that is deeper by " +
                                  std::to_string(2.0 * (before - result.nll)) +
                                  " in t; a profile came there, and the fit went on from it");
        }
        const std::uint64_t searched = likelihood.passes();
        const auto deeper = fill_intervals(likelihood, options, found.minima.front(), result);
        spent.first_descent += found.first_passes;
        spent.search += found.search_passes;
        spent.intervals += likelihood.passes() - searched;
        if (!deeper) break;
        places.push_back(*deeper);
        if (round + 1 == most_rounds) result.converged = false;
    }
    result.pass_counts = spent;
    result.passes = likelihood.passes() - passes_before;
    result.warnings = fit_warnings(likelihood, result, options.same_nll);
    result.warnings.insert(result.warnings.begin(), found_later.begin(), found_later.end());

    for (const auto& warning : result.warnings) log.warning(warning);
    log.info("fit finished", {{"nll", result.nll},
                              {"edm", result.edm},
                              {"minima", static_cast<std::uint64_t>(result.minima.size())},
                              {"passes", result.passes}});
    return result;
}

}  // namespace ratiofarm
