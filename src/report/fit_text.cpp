#include "fit_text.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include <fmt/format.h>

namespace ratiofarm {
namespace {

std::string parameter_line(const FittedParameter& parameter) {
    if (parameter.fixed)
        return fmt::format("{} = {:.6g} (fixed)\n", parameter.name, parameter.value);
    return fmt::format("{} = {}{}\n", parameter.name, with_error(parameter.value, parameter.error),
                       parameter.at_bound ? " (at the bound of its range)" : "");
}

std::string interval_line(const FittedParameter& parameter) {
    if (!parameter.error_low && !parameter.error_high) return {};
    const auto end = [&](const std::optional<double>& distance, double sign) {
        return distance ? fmt::format("{:.4g}", parameter.value + sign * *distance)
                        : std::string("the end of the range");
    };
    return fmt::format("t < 1 for {} from {} to {}\n", parameter.name,
                       end(parameter.error_low, -1.0), end(parameter.error_high, 1.0));
}

std::string minima_lines(const FitResult& fit) {
    std::string text;
    for (std::size_t m = 1; m < fit.minima.size(); ++m) {
        std::vector<std::string> values;
        for (std::size_t p = 0; p < fit.minima[m].parameters.size() && p < fit.parameters.size();
             ++p) {
            values.push_back(
                fmt::format("{} = {:.4g}", fit.parameters[p].name, fit.minima[m].parameters[p]));
        }
        text += fmt::format("other minimum: {}, NLL higher by {:.4g}\n", fmt::join(values, ", "),
                            fit.minima[m].nll - fit.nll);
    }
    return text;
}

/// The constrained parameters as a table.
std::string constrained_table(const FitResult& fit) {
    std::size_t width = 9;
    bool any = false;
    for (const auto& parameter : fit.parameters) {
        if (!parameter.pull) continue;
        any = true;
        width = std::max(width, parameter.name.size());
    }
    if (!any) return {};
    std::string text =
        fmt::format("{:<{}} {:>10} {:>10} {:>10} {:>10} {:>8} {:>10}\n", "parameter", width,
                    "value", "error", "error_low", "error_high", "pull", "constraint");
    const auto optional = [](const std::optional<double>& value, int column) {
        return value ? fmt::format("{:>{}.4g}", *value, column)
                     : fmt::format("{:>{}}", "-", column);
    };
    for (const auto& parameter : fit.parameters) {
        if (!parameter.pull) continue;
        text += fmt::format("{:<{}} {:>10.4g} {:>10.4g} {} {} {:>8.3f} {:>10.4f}{}\n",
                            parameter.name, width, parameter.value, parameter.error,
                            optional(parameter.error_low, 10), optional(parameter.error_high, 10),
                            *parameter.pull, parameter.constraint.value_or(0.0),
                            parameter.at_bound ? " (at the bound of its range)" : "");
    }
    return text;
}

std::string breakdown_line(const FitResult& fit) {
    const ErrorBreakdown& parts = fit.breakdown;
    if (!(parts.systematic > 0.0)) return {};
    std::string text = fmt::format(
        "error of {}: {:.4g} = {:.4g} (stat) + {:.4g} (syst) in quadrature, by shifts of global "
        "observables; {:.4g} with all constrained parameters fixed\n",
        fit.poi, parts.total, parts.statistical, parts.systematic, parts.statistical_frozen);
    for (const GroupError& group : parts.groups) {
        text += fmt::format("  {}: {:.4g} by global observables, {:.4g} by fixing the group\n",
                            group.group, group.global_observables, group.frozen);
    }
    return text;
}

std::string passes_text(const FitResult& fit) {
    return fmt::format(
        "{} passes over {} events ({} to the minimum, {} for others, {} for "
        "intervals)",
        fit.passes, fit.guards.events, fit.pass_counts.first_descent, fit.pass_counts.search,
        fit.pass_counts.intervals);
}

std::string comparison_line(const ComparisonFit& comparison, const FitResult& main) {
    const FittedParameter* poi = find_fitted(comparison.fit, comparison.fit.poi);
    const FittedParameter* main_poi = find_fitted(main, main.poi);
    if (poi == nullptr) return {};
    std::string text = fmt::format("{}: {} = {}", comparison.label, comparison.fit.poi,
                                   with_error(poi->value, poi->error));
    if (main_poi != nullptr && poi->error > 0.0 && main_poi->error > 0.0) {
        text +=
            fmt::format("; error of this fit / its error = {:.4f}", main_poi->error / poi->error);
    }
    return text + '\n';
}

std::string injection_lines(const InjectionFit& injection) {
    std::string text;
    for (const InjectedParameter& parameter : injection.parameters) {
        text += fmt::format("injected {}: {} = {}", injection.name, parameter.name,
                            with_error(parameter.value, parameter.error));
        if (parameter.pull) text += fmt::format(", pull {:.3f}", *parameter.pull);
        text += injection.converged ? "\n" : ", NOT CONVERGED\n";
    }
    return text;
}

std::string untreated_line(const ShapeRecord::Untreated& entry) {
    return fmt::format(
        "{}: error {:.4f}; with its shapes, which are not significant, it would be {:.4f}\n",
        entry.parameter, entry.error, entry.untreated);
}

}  // namespace

std::string with_error(double value, double error) {
    if (!std::isfinite(error) || !(error > 0.0) || !std::isfinite(value)) {
        return fmt::format("{:.6g}", value);
    }
    const int magnitude = static_cast<int>(std::floor(std::log10(error)));
    const int decimals = std::clamp(1 - magnitude, 0, 15);
    return fmt::format("{:.{}f} +- {:.{}f}", value, decimals, error, decimals);
}

std::string fit_text(const FitRecord& record) {
    const FitResult& fit = record.fit;
    std::string text;
    const FittedParameter* poi = find_fitted(fit, fit.poi);
    if (poi != nullptr) text += parameter_line(*poi);
    for (const auto& parameter : fit.parameters) {
        if (&parameter != poi && !parameter.pull) text += parameter_line(parameter);
    }
    for (const auto& parameter : fit.parameters) {
        if (!parameter.pull) text += interval_line(parameter);
    }
    text += constrained_table(fit) + breakdown_line(fit);
    text += fmt::format("{}, EDM {:.2g}, {}\n", fit.converged ? "converged" : "NOT CONVERGED",
                        fit.edm, passes_text(fit));
    if (!record.data.empty()) text += fmt::format("data: {}\n", record.data);
    if (record.blinding) text += blinding_text(*record.blinding) + "\n";
    if (record.finite_mc) text += finite_mc_text(*record.finite_mc, fit.poi);
    text += minima_lines(fit);
    for (const auto& injection : record.injections) text += injection_lines(injection);
    for (const auto& entry : record.shapes.untreated) text += untreated_line(entry);
    for (const auto& comparison : record.comparisons) text += comparison_line(comparison, fit);
    if (fit.guards.zero_weight > 0) {
        text += fmt::format("{} events of zero weight skipped\n", fit.guards.zero_weight);
    }
    if (fit.guards.non_positive_mixture > 0) {
        text += fmt::format("{} events with a mixture that is not positive\n",
                            fit.guards.non_positive_mixture);
    }
    for (const auto& warning : fit.warnings) text += fmt::format("warning: {}\n", warning);
    text += "errors: from the inverse Hessian of the negative log-likelihood\n";
    if (fit.breakdown.systematic > 0.0) {
        text += "pull: (value - global observable) / width; constraint: error / width\n";
    }
    return text;
}

}  // namespace ratiofarm
