#include "fit_text.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace ratiofarm {
namespace {

bool has_systematics(const FitResult& fit) { return fit.breakdown.systematic > 0.0; }

std::string interval_text(const FittedParameter& parameter) {
    if (!parameter.error_low && !parameter.error_high && !parameter.interval_failed) return {};
    const auto end = [&](const std::optional<double>& distance, double sign) {
        if (distance) return fmt::format("{:.4g}", parameter.value + sign * *distance);
        return std::string(parameter.interval_failed ? "NOT CONVERGED" : "the end of the range");
    };
    return fmt::format("from {} to {}", end(parameter.error_low, -1.0),
                       end(parameter.error_high, 1.0));
}

std::string parameter_line(const FittedParameter& parameter) {
    std::string text =
        fmt::format("{} = {}", parameter.name, with_error(parameter.value, parameter.error));
    const std::string interval = interval_text(parameter);
    const std::string why = why_no_error(parameter);
    if (!(parameter.error > 0.0) && !interval.empty()) text += ", t < 1 " + interval;
    return text + (why.empty() ? "\n" : " (" + why + ")\n");
}

std::string interval_line(const FittedParameter& parameter) {
    const std::string interval = interval_text(parameter);
    if (interval.empty() || !(parameter.error > 0.0)) return {};
    return fmt::format("t < 1 for {} {}\n", parameter.name, interval);
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
        const std::string why = why_no_error(parameter);
        text +=
            fmt::format("{:<{}} {:>10.4g} {:>10.4g} {} {} {:>8.3f} {:>10.4f}{}\n", parameter.name,
                        width, parameter.value, parameter.error, optional(parameter.error_low, 10),
                        optional(parameter.error_high, 10), *parameter.pull,
                        parameter.constraint.value_or(0.0), why.empty() ? "" : " (" + why + ")");
    }
    return text;
}

/// "the error of mu holds ...": what shapes that were left out could do, and noise of the others.
std::string held_line(const FitRecord& record) {
    const ShapeRecord& shapes = record.shapes;
    std::string parts;
    if (shapes.left_out_error) {
        parts = fmt::format(
            "{:.4g} for the shapes of {} parameter(s) that are not significant and were left out",
            *shapes.left_out_error, shapes.untreated.size());
    }
    if (shapes.noise_error) {
        parts +=
            fmt::format("{}{:.4g} for the noise of the shapes of {} parameter(s)",
                        parts.empty() ? "" : ", and ", *shapes.noise_error, shapes.noises.size());
    }
    if (parts.empty()) return {};
    return fmt::format("the error of {} holds {}; without that it is {:.4g}\n", record.fit.poi,
                       parts, shapes.error_without);
}

/// "finite simulation moves mu by ..."
std::string simulation_line(const FitRecord& record) {
    const auto& noise = record.simulation;
    if (!noise) return {};
    std::vector<std::string> parts;
    if (noise->training && !record.finite_mc) {
        parts.push_back(fmt::format("{:.2g} (training events)", *noise->training));
    }
    if (noise->asimov) {
        parts.push_back(fmt::format("{:.2g} (events of the Asimov data)", *noise->asimov));
    }
    if (parts.empty()) return {};
    return fmt::format("finite simulation moves {} by about {}, which no error holds\n",
                       record.fit.poi, fmt::join(parts, " and "));
}

std::string breakdown_line(const FitRecord& record) {
    const FitResult& fit = record.fit;
    const ErrorBreakdown& parts = fit.breakdown;
    if (!has_systematics(fit)) return {};
    const auto& left_out = record.shapes.left_out_error;
    const auto& noise = record.shapes.noise_error;
    std::string text = fmt::format(
        "error of {}: {:.4g} = {:.4g} (stat) + {:.4g} (syst){}{} in quadrature, by shifts of "
        "global "
        "observables; {:.4g} with all constrained parameters fixed\n"
        "  (stat) is of fluctuations of the data, which constrained parameters follow; with these "
        "fixed, as in a fit without systematics, it is smaller\n",
        fit.poi, parts.total, parts.statistical, parts.systematic,
        left_out ? fmt::format(" + {:.4g} (shapes left out)", *left_out) : "",
        noise ? fmt::format(" + {:.4g} (noise of shapes)", *noise) : "", parts.statistical_frozen);
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

std::string comparison_line(const ComparisonFit& comparison, const FitRecord& record) {
    const FittedParameter* poi = find_fitted(comparison.fit, comparison.fit.poi);
    if (poi == nullptr) return {};
    std::string text = fmt::format("{}: {} = {}", comparison.label, comparison.fit.poi,
                                   with_error(poi->value, poi->error));
    if (const auto ratio = error_ratio(record.fit, *poi)) {
        text += fmt::format("; {} = {:.4f}", error_ratio_name(record.fit), *ratio);
    }
    const bool same_events = record.simulation && record.simulation->asimov;
    if (same_events && comparison.label.starts_with("histogram")) {
        text += "; its value is the truth by construction";
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

std::string untreated_line(const ShapeRecord::Untreated& entry, const FitRecord& record) {
    const std::string moved = record.shapes.left_out_error
                                  ? fmt::format(", and {} would move by {:+.4g} (noise {:.2g})",
                                                record.fit.poi, entry.shift, entry.shift_noise)
                                  : "";
    return fmt::format(
        "{}: error {:.4f}; with its shapes, which are not significant, it would be {:.4f}{}\n",
        entry.parameter, entry.error, entry.untreated, moved);
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

double error_to_compare(const FitResult& fit) {
    if (has_systematics(fit)) return fit.breakdown.statistical_frozen;
    const FittedParameter* poi = find_fitted(fit, fit.poi);
    return poi == nullptr ? 0.0 : poi->error;
}

std::optional<double> error_ratio(const FitResult& fit, const FittedParameter& other) {
    const double error = error_to_compare(fit);
    if (!(error > 0.0) || !(other.error > 0.0)) return std::nullopt;
    return error / other.error;
}

std::string error_ratio_name(const FitResult& fit) {
    return fmt::format("error of this fit{} / its error",
                       has_systematics(fit) ? " with constrained parameters fixed" : "");
}

std::string why_no_error(const FittedParameter& parameter) {
    if (parameter.fixed) return "fixed";
    if (parameter.at_bound) return "at the bound of its range";
    switch (parameter.no_error) {
        case NoError::none: return {};
        case NoError::kink: return "at the kink of its interpolation";
        case NoError::root: return "its root is less than an error from 0";
        case NoError::undetermined: return "not determined by the data within its range";
    }
    return {};
}

std::string fit_text(const FitRecord& record) {
    const FitResult& fit = record.fit;
    std::string text;
    const FittedParameter* poi = find_fitted(fit, fit.poi);
    if (poi != nullptr) text += parameter_line(*poi) + held_line(record) + simulation_line(record);
    for (const auto& parameter : fit.parameters) {
        if (&parameter != poi && !parameter.pull) text += parameter_line(parameter);
    }
    for (const auto& parameter : fit.parameters) {
        if (!parameter.pull) text += interval_line(parameter);
    }
    text += constrained_table(fit) + breakdown_line(record);
    text += fmt::format("{}, EDM {:.2g}, {}\n", fit.converged ? "converged" : "NOT CONVERGED",
                        fit.edm, passes_text(fit));
    if (!record.data.empty()) text += fmt::format("data: {}\n", record.data);
    if (record.blinding) text += blinding_text(*record.blinding) + "\n";
    if (record.finite_mc) text += finite_mc_text(*record.finite_mc, fit.poi);
    text += minima_lines(fit);
    for (const auto& injection : record.injections) text += injection_lines(injection);
    for (const auto& entry : record.shapes.untreated) text += untreated_line(entry, record);
    for (const auto& comparison : record.comparisons) text += comparison_line(comparison, record);
    if (fit.guards.zero_weight > 0) {
        text += fmt::format("{} events of zero weight skipped\n", fit.guards.zero_weight);
    }
    if (fit.guards.non_positive_mixture > 0) {
        text += fmt::format("{} events with a mixture that is not positive\n",
                            fit.guards.non_positive_mixture);
    }
    for (const auto& warning : fit.warnings) text += fmt::format("warning: {}\n", warning);
    text += "errors: from the inverse Hessian of the negative log-likelihood\n";
    if (has_systematics(fit)) {
        text += "pull: (value - global observable) / width; constraint: error / width\n";
    }
    return text;
}

namespace {

std::string cell(const std::optional<double>& value) {
    return value ? fmt::format(" {:>+12.5f}", *value) : fmt::format(" {:>12}", "-");
}

std::string breakdown_text(const FitRecord& record) {
    const FitResult& fit = record.fit;
    const ErrorBreakdown& parts = fit.breakdown;
    std::string text = fmt::format("\nerror of {}: {:.5f}\n", fit.poi, parts.total);
    text += fmt::format("{:<24} {:>18} {:>14}\n", "", "global observables", "fixed");
    text += fmt::format("{:<24} {:>18.5f} {:>14.5f}\n", "statistical", parts.statistical,
                        parts.statistical_frozen);
    text += fmt::format("{:<24} {:>18.5f}\n", "systematic", parts.systematic);
    if (record.shapes.left_out_error) {
        text += fmt::format("{:<24} {:>18.5f}\n", "shapes left out", *record.shapes.left_out_error);
    }
    if (record.shapes.noise_error) {
        text += fmt::format("{:<24} {:>18.5f}\n", "noise of shapes", *record.shapes.noise_error);
    }
    for (const GroupError& group : parts.groups) {
        text += fmt::format("{:<24} {:>18.5f} {:>14.5f}\n", "  " + group.group,
                            group.global_observables, group.frozen);
    }
    text += held_line(record);
    text +=
        "global observables: sums of squares of the impacts by global_observable; statistical "
        "is\nthe rest of the total: fluctuations of the data, which constrained parameters "
        "follow.\nfixed: statistical is the error with all constrained parameters fixed, as of a "
        "fit\nwithout systematics, and smaller for that; a group, root of total^2 minus the "
        "error^2\nwith the group fixed\n";
    return text;
}

std::string no_impacts_text(const FitRecord& record) {
    const FitResult& fit = record.fit;
    const FittedParameter* poi = find_fitted(fit, fit.poi);
    if (poi != nullptr && !why_no_error(*poi).empty()) {
        return fmt::format(
            "no impacts: {0} = {1:.6g} has no error that could be taken apart ({2}). For a ranking "
            "let its range go beyond this value, or use Asimov data with a signal\n",
            fit.poi, poi->value, why_no_error(*poi));
    }
    return fmt::format("no impacts: no other parameter moves with {}\n", fit.poi) +
           held_line(record);
}

/// Impacts by all definitions, then those by refits if there are any.
std::string impact_rows(const std::vector<Impact>& impacts, bool refitted) {
    std::string text = fmt::format("{:<24} {:>12} {:>12} {:>12}\n", "parameter", "others_fixed",
                                   "refit_shift", "global_obs.");
    for (const Impact& impact : impacts) {
        text += fmt::format("{:<24}{}{}{}{}\n", impact.parameter, cell(impact.others_fixed),
                            cell(impact.refit_shift), cell(impact.global_observable),
                            impact.not_linear ? "  NOT LINEAR" : "");
    }
    if (!refitted) return text;
    text += fmt::format("{:<24} {:>12} {:>12} {:>12} {:>12}\n", "parameter", "refit_down",
                        "refit_up", "obs_down", "obs_up");
    for (const Impact& impact : impacts) {
        text += fmt::format("{:<24}{}{}{}{}\n", impact.parameter, cell(impact.refit_down),
                            cell(impact.refit_up), cell(impact.observable_down),
                            cell(impact.observable_up));
    }
    return text;
}

}  // namespace

std::string impacts_text(const FitRecord& record, ImpactDefinition order) {
    const FitResult& fit = record.fit;
    if (fit.impacts.empty()) return no_impacts_text(record);
    const bool refitted = std::ranges::any_of(fit.impacts, [](const Impact& i) {
        return i.refit_down || i.refit_up || i.observable_down || i.observable_up;
    });
    std::string text =
        fmt::format("impacts on {}, ordered by {}\n", fit.poi, impact_definition_name(order)) +
        impact_rows(ranked(fit.impacts, order), refitted);
    text += fmt::format(
        "shifts of {} to first order, from the Hessian:\n"
        "others_fixed  a parameter moved by the width of its constraint, all others held\n"
        "refit_shift   a parameter held one error from its value, all others fitted again\n"
        "global_obs.   what was measured of it moved by its width, all fitted again; in\n"
        "              quadrature these make the systematic error\n",
        fit.poi);
    if (std::ranges::any_of(fit.impacts, &Impact::not_linear)) {
        text +=
            "NOT LINEAR: both sides of the parameter act alike or meet in a kink; only\n"
            "refit_* and obs_* measure it, and the systematic error below lacks it\n";
    }
    if (refitted) {
        text +=
            "refit_*: the parameter held at its value -+ error, all others fitted again\n"
            "obs_*:   what was measured of it moved by -+ its width, all fitted again\n";
    }
    return text + breakdown_text(record);
}

}  // namespace ratiofarm
