#include "fit_warnings.hpp"

#include <array>
#include <cmath>
#include <cstdio>

#include "ratiofarm/physics/internal_coordinates.hpp"

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
            warnings.push_back(
                "parameter '" + parameter.name + "' is at the end of its range" +
                ": its error and those of the others include only the free parameters");
        }
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
                           "): errors include only the other directions");
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
    if (result.guards.clipped_factors > 0) {
        warnings.push_back(std::to_string(result.guards.clipped_factors) +
                           " factors g(x, alpha) were held above their floor at the minimum: the "
                           "interpolation of their anchors turns negative there");
    }
    for (const auto& clipped : result.guards.clipped_anchors) {
        warnings.push_back("process '" + clipped.process + "' of region '" + clipped.region +
                           "': " + std::to_string(clipped.count) +
                           " anchors of g lie beyond a factor of 20 and were clipped to it");
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

}  // namespace

std::vector<std::string> fit_warnings(const StatisticalModel& model,
                                      const FitResult& result,
                                      double same_nll) {
    Warnings warnings;
    warn_of_state(result, warnings);
    warn_of_parameters(model, result, warnings);
    warn_of_flat_directions(result, warnings);
    warn_of_guards(result, warnings);
    warn_of_minima(model, result, same_nll, warnings);
    return warnings;
}

}  // namespace ratiofarm
