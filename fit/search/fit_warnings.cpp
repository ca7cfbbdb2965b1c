#include "fit_warnings.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "ratiofarm/physics/internal_coordinates.hpp"
#include "ratiofarm/physics/process_rates.hpp"

#include "fit/parameter_roles.hpp"

namespace ratiofarm {
namespace {

/// With this much correlation the errors lose half of the digits of the Hessian.
constexpr double high_condition_number = 1e8;

std::string short_number(double value) {
    std::array<char, 32> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%.3g", value);
    return buffer.data();
}

using Warnings = std::vector<std::string>;

void warn_of_state(const FitResult& result, Warnings& warnings) {
    if (!result.converged) {
        warnings.push_back("the minimiser did not converge: edm = " + short_number(result.edm));
    } else if (result.at_rounding && result.edm > 1e-10) {
        warnings.push_back("rounding of the likelihood stopped the minimiser at edm = " +
                           short_number(result.edm) + ": parameters are known to " +
                           short_number(std::sqrt(2.0 * result.edm)) + " of their errors");
    }
    if (std::isfinite(result.condition_number) && result.condition_number > high_condition_number) {
        warnings.push_back("the Hessian is nearly singular (condition number " +
                           short_number(result.condition_number) +
                           " with unit diagonal): errors are rough");
    }
}

void warn_of_no_error(const FittedParameter& parameter,
                      const FitResult& result,
                      Warnings& warnings) {
    const std::string name = "parameter '" + parameter.name + "'";
    const std::string take =
        ": it has no error; take the interval t < 1 (--minos " + parameter.name + ")";
    switch (parameter.no_error) {
        case NoError::none: return;
        case NoError::kink:
            warnings.push_back(name + " is at the kink of its interpolation" + take);
            return;
        case NoError::root:
            warnings.push_back(name +
                               ", of which a coefficient has the root, is less than an error "
                               "of the root from 0" +
                               take);
            return;
        case NoError::undetermined:
            for (const FlatDirection& direction : result.flat_directions) {
                for (const auto& part : direction.leading) {
                    if (part.parameter == parameter.name) return;  // named there
                }
            }
            warnings.push_back(name + " is not determined by the data within its range" + take);
            return;
    }
}

void warn_of_parameters(const StatisticalModel& model,
                        const FitResult& result,
                        Warnings& warnings) {
    const auto roles = parameter_roles(model);
    bool any_free = false;
    for (std::size_t a = 0; a < result.parameters.size(); ++a) {
        const FittedParameter& parameter = result.parameters[a];
        any_free = any_free || !(parameter.fixed || roles[a].undetermined);
        if (roles[a].undetermined && !parameter.fixed) {
            warnings.push_back("nothing depends on parameter '" + parameter.name +
                               "': it stays at its start and has no error");
        } else if (!roles[a].used && !parameter.fixed) {
            warnings.push_back("parameter '" + parameter.name +
                               "' appears only in its constraint: no process depends on it");
        }
        if (parameter.interval_failed) {
            warnings.push_back("the interval t < 1 of '" + parameter.name +
                               "' lacks an end: a fit with '" + parameter.name +
                               "' held did not converge");
        }
        if (parameter.at_bound) {
            warnings.push_back("parameter '" + parameter.name +
                               "' is at the end of its range: it has no error, and those of the "
                               "others hold it there");
        }
        warn_of_no_error(parameter, result, warnings);
    }
    if (!any_free) warnings.push_back("no parameter is free: nothing was fitted");
    if (model.parameters[parameter_index(model, result.poi)].fixed) {
        warnings.push_back("the parameter of interest '" + result.poi +
                           "' is fixed: it has no error, impacts or interval");
    }
}

void warn_of_flat_directions(const FitResult& result, Warnings& warnings) {
    for (const FlatDirection& direction : result.flat_directions) {
        std::string text;
        for (const auto& part : direction.leading) {
            const std::string share = short_number(std::abs(part.share));
            text +=
                text.empty() ? (part.share < 0.0 ? "-" : "") : (part.share < 0.0 ? " - " : " + ");
            text += share + " " + part.parameter;
        }
        warnings.push_back("the events do not determine a combination of parameters led by '" +
                           direction.leading.front().parameter + "' (" + text +
                           "): they have no error where it moves them within their ranges");
    }
}

void warn_of_guards(const FitResult& result, Warnings& warnings) {
    if (result.guards.non_positive_mixture > 0) {
        warnings.push_back(
            std::to_string(result.guards.non_positive_mixture) + " of " +
            std::to_string(result.guards.events) +
            " events have a mixture below their floor (1e-6 of their scale) at the minimum and "
            "were continued smoothly: the ratios are poor there");
    }
    if (result.guards.below_floor_on_profiles > result.guards.non_positive_mixture) {
        warnings.push_back("up to " + std::to_string(result.guards.below_floor_on_profiles) +
                           " of " + std::to_string(result.guards.events) +
                           " events have a mixture below their floor on the way to the ends of t < "
                           "1: these events "
                           "alone make t rise there (are their ratios right?)");
    }
    if (result.guards.clipped_factors > 0) {
        warnings.push_back(std::to_string(result.guards.clipped_factors) +
                           " factors g(x, alpha) were held above their floor at the minimum: the "
                           "interpolation of their anchors turns negative there");
    }
}

/// Expected events of a process of an unbinned region at the minimum, and how many events of all
/// processes of the region one error of the parameter of interest moves.
struct RegionScale {
    std::vector<double> rates;  ///< absolute values
    double moved = 0.0;         ///< 0: it has no error
};

RegionScale scale_of(const UnbinnedRegion& region,
                     const Likelihood& likelihood,
                     const FitResult& result) {
    const RateModel model(region, likelihood.model(), likelihood.coordinates());
    std::vector<double> theta = best_values(result);
    RegionScale scale{model.at(likelihood.coordinates().to_internal(theta)).value};
    const std::size_t poi = parameter_index(likelihood.model(), result.poi);
    const double error = result.parameters[poi].error;
    if (std::isfinite(error)) {
        const Parameter& range = likelihood.model().parameters[poi];
        theta[poi] = theta[poi] + error <= range.high ? theta[poi] + error
                                                      : std::max(range.low, theta[poi] - error);
        const auto shifted = model.at(likelihood.coordinates().to_internal(theta)).value;
        for (std::size_t j = 0; j < shifted.size(); ++j) {
            scale.moved += std::abs(shifted[j] - scale.rates[j]);
        }
    }
    for (double& rate : scale.rates) rate = std::abs(rate);
    return scale;
}

/// Where g had to be clipped: told unless it is known to matter little, and counted in any case.
void warn_of_clipped_anchors(const Likelihood& likelihood,
                             const FitResult& result,
                             Warnings& warnings) {
    constexpr double hardly_any = 1e-3;  // of the events of a process
    constexpr double small = 0.1;        // of what the error of the parameter of interest moves
    for (const auto& clipped : result.guards.clipped_anchors) {
        if (clipped.share && *clipped.share < hardly_any) continue;
        std::string where;
        for (const UnbinnedRegion& region : likelihood.model().unbinned) {
            if (region.name != clipped.region || !clipped.share) continue;
            const RegionScale scale = scale_of(region, likelihood, result);
            const auto process =
                std::ranges::find(region.processes, clipped.process, &ProcessModel::name);
            const double events =
                *clipped.share *
                scale.rates[static_cast<std::size_t>(process - region.processes.begin())];
            if (events < small * scale.moved) continue;
            where = " (up to " + short_number(100.0 * *clipped.share) +
                    " % of its events, nominal or varied, or " + short_number(events) +
                    " expected ones; the error of " + result.poi + " stands for " +
                    short_number(scale.moved) + ")";
        }
        if (clipped.share && where.empty()) continue;
        warnings.push_back(
            "process '" + clipped.process + "' of region '" + clipped.region + "': for " +
            std::to_string(clipped.count) + " ratios g(x)" + where +
            " one standard deviation of a systematic changes the density more than twentyfold; "
            "they were held at a factor of 20, which is wrong by as much as these events count. "
            "At an edge that moves, cut the nominal and the varied samples alike; for a peak that "
            "moves by more than its width, give samples with a smaller shift");
    }
}

void warn_of_minima(const StatisticalModel& model,
                    const FitResult& result,
                    double same_nll,
                    Warnings& warnings) {
    const std::size_t poi = parameter_index(model, result.poi);
    for (std::size_t k = 1; k < result.minima.size(); ++k) {
        const double t = 2.0 * (result.minima[k].nll - result.nll);
        if (t > 1.0 + same_nll) continue;
        warnings.push_back("another minimum lies at " + result.poi + " = " +
                           std::to_string(result.minima[k].parameters[poi]) + " with t = " +
                           std::to_string(t) + ": the error covers only the first one");
    }
}

void warn_of_impacts(const FitResult& result, Warnings& warnings) {
    std::string names;
    for (const Impact& impact : result.impacts) {
        if (impact.not_linear) names += (names.empty() ? "'" : ", '") + impact.parameter + "'";
    }
    if (names.empty()) return;
    warnings.push_back(
        "both sides of " + names +
        " act alike or meet in a kink: first-order impacts say little about them, and "
        "the systematic part of the error lacks them; 'ratiofarm impacts' refits them");
}

}  // namespace

std::vector<std::string> fit_warnings(const Likelihood& likelihood,
                                      const FitResult& result,
                                      double same_nll) {
    const StatisticalModel& model = likelihood.model();
    Warnings warnings;
    warn_of_state(result, warnings);
    for (auto& line :
         likelihood.impossible_bins(likelihood.coordinates().to_internal(best_values(result)))) {
        warnings.push_back(std::move(line));
    }
    warn_of_parameters(model, result, warnings);
    warn_of_flat_directions(result, warnings);
    warn_of_guards(result, warnings);
    warn_of_clipped_anchors(likelihood, result, warnings);
    warn_of_impacts(result, warnings);
    warn_of_minima(model, result, same_nll, warnings);
    return warnings;
}

}  // namespace ratiofarm
