#include "ratiofarm/report/fit_text.hpp"

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

const FittedParameter* poi_of(const FitResult& fit) {
    const auto found = std::find_if(fit.parameters.begin(), fit.parameters.end(),
                                    [&](const auto& p) { return p.name == fit.poi; });
    return found == fit.parameters.end() ? nullptr : &*found;
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

std::string comparison_line(const ComparisonFit& comparison, const FitResult& main) {
    const FittedParameter* poi = poi_of(comparison.fit);
    const FittedParameter* main_poi = poi_of(main);
    if (poi == nullptr) return {};
    std::string text = fmt::format("{}: {} = {}", comparison.label, comparison.fit.poi,
                                   with_error(poi->value, poi->error));
    if (main_poi != nullptr && poi->error > 0.0 && main_poi->error > 0.0) {
        text +=
            fmt::format("; error of this fit / its error = {:.4f}", main_poi->error / poi->error);
    }
    return text + '\n';
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
    const FittedParameter* poi = poi_of(fit);
    if (poi != nullptr) text += parameter_line(*poi);
    for (const auto& parameter : fit.parameters) {
        if (&parameter != poi) text += parameter_line(parameter);
    }
    for (const auto& parameter : fit.parameters) text += interval_line(parameter);
    text += fmt::format("{}, EDM {:.2g}, {} passes over {} events\n",
                        fit.converged ? "converged" : "NOT CONVERGED", fit.edm, fit.passes,
                        fit.guards.events);
    if (!record.data.empty()) text += fmt::format("data: {}\n", record.data);
    text += minima_lines(fit);
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
    return text;
}

std::string scan_text(const FitRecord& record) {
    if (record.fit.scan.empty()) return {};
    std::string text = fmt::format("{:>12} {:>14}", record.fit.poi, "t");
    std::vector<const ComparisonFit*> columns;
    for (const auto& comparison : record.comparisons) {
        const auto& scan = comparison.fit.scan;
        const bool same =
            std::equal(scan.begin(), scan.end(), record.fit.scan.begin(), record.fit.scan.end(),
                       [](const auto& a, const auto& b) { return a.poi == b.poi; });
        if (same) columns.push_back(&comparison);
    }
    for (const auto* column : columns) text += fmt::format("  {:>14}", "t, " + column->label);
    text += '\n';
    for (std::size_t i = 0; i < record.fit.scan.size(); ++i) {
        text += fmt::format("{:>12.6g} {:>14.6f}", record.fit.scan[i].poi, record.fit.scan[i].t);
        for (const auto* column : columns) {
            const auto width = std::max<std::size_t>(14, column->label.size() + 3);
            text += fmt::format("  {:>{}.6f}", column->fit.scan[i].t, width);
        }
        text += '\n';
    }
    return text;
}

}  // namespace ratiofarm
