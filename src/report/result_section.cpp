#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "fit_text.hpp"
#include "html.hpp"
#include "report_sections.hpp"
#include "scan_plot.hpp"

namespace ratiofarm {
namespace {

std::string tile(std::string_view value, std::string_view meaning, bool main = false) {
    return fmt::format("<div class=\"tile{}\"><b>{}</b><span>{}</span></div>\n",
                       main ? " main" : "", escape_html(value), escape_html(meaning));
}

std::string value_text(const FittedParameter& parameter) {
    std::string text = with_error(parameter.value, parameter.error);
    const std::size_t sign = text.find("+-");
    return sign == std::string::npos ? text : text.replace(sign, 2, "\u00b1");
}

std::string end_text(const FittedParameter& parameter,
                     const std::optional<double>& distance,
                     double sign) {
    return distance ? fmt::format("{:.3f}", parameter.value + sign * *distance)
                    : std::string("open");
}

std::string interval_text(const FittedParameter& parameter) {
    if (parameter.interval_failed) return "NOT CONVERGED";
    if (!parameter.error_low && !parameter.error_high) return "-";
    return end_text(parameter, parameter.error_low, -1.0) + " to " +
           end_text(parameter, parameter.error_high, 1.0);
}

std::string tiles(const FitRecord& record) {
    const FitResult& fit = record.fit;
    std::string body;
    if (const FittedParameter* poi = find_fitted(fit, fit.poi)) {
        if (poi->error > 0.0) {
            body += tile(value_text(*poi), poi->name + ", error from the Hessian", true);
            body += tile(interval_text(*poi), "where t < 1");
        } else {
            body += tile(interval_text(*poi), poi->name + " where t < 1", true);
            body += tile(value_text(*poi), "at the minimum: " + why_no_error(*poi));
        }
    }
    if (record.simulation && !record.finite_mc) {
        body += tile(fmt::format("\u00b1 {:.2g}", record.simulation->total()),
                     "by the finite simulation, in no error");
    }
    if (record.limits) {
        body += tile(fmt::format("{:.2f} s.d.", record.limits->discovery.significance),
                     "above " + fit.poi + " = 0");
    }
    body += tile(fit.converged ? "converged" : "NOT CONVERGED",
                 fmt::format("EDM {:.2g}, {} passes", fit.edm, fit.passes));
    if (fit.guards.events > 0) {
        body += tile(fmt::format("{}", fit.guards.events),
                     "events in the sums, simulated ones included");
    }
    if (fit.guards.non_positive_mixture > 0) {
        body += tile(fmt::format("{}", fit.guards.non_positive_mixture),
                     "events with a mixture that is not positive");
    }
    return "<div class=\"tiles\">\n" + body + "</div>\n";
}

std::string parameter_table(const FitResult& fit) {
    std::vector<std::vector<Cell>> rows;
    for (const FittedParameter& parameter : fit.parameters) {
        rows.push_back({text_cell(parameter.name),
                        number_cell(fmt::format("{:.6g}", parameter.value)),
                        number_cell(parameter.error > 0.0 ? fmt::format("{:.6g}", parameter.error)
                                                          : std::string("-")),
                        number_cell(interval_text(parameter)), text_cell(why_no_error(parameter))});
    }
    constexpr std::size_t most_rows = 24;
    const std::vector<std::string> header{"parameter", "value", "error", "t < 1", ""};
    if (rows.size() <= most_rows) return table_html("Parameters at the minimum", header, rows);
    return details_html(fmt::format("The {} parameters at the minimum", rows.size()),
                        table_html("", header, rows));
}

std::string minima_table(const FitResult& fit) {
    if (fit.minima.size() < 2) return {};
    std::vector<std::string> header;
    for (const FittedParameter& parameter : fit.parameters) header.push_back(parameter.name);
    header.push_back("NLL above the best");
    std::vector<std::vector<Cell>> rows;
    for (const Minimum& minimum : fit.minima) {
        if (minimum.parameters.size() != fit.parameters.size()) continue;
        std::vector<Cell> row;
        for (const double value : minimum.parameters)
            row.push_back(number_cell(fmt::format("{:.4g}", value)));
        row.push_back(number_cell(fmt::format("{:.4g}", minimum.nll - fit.nll)));
        rows.push_back(std::move(row));
    }
    return details_html("Minima found from different starting points",
                        table_html("", header, rows));
}

std::vector<Cell> comparison_row(std::string_view label,
                                 const FittedParameter& poi,
                                 std::optional<double> ratio) {
    return {text_cell(label), number_cell(fmt::format("{:.6g}", poi.value)),
            number_cell(fmt::format("{:.6g}", poi.error)), number_cell(interval_text(poi)),
            number_cell(ratio ? fmt::format("{:.4f}", *ratio) : std::string("-"))};
}

std::string comparison_table(const FitRecord& record) {
    const FittedParameter* main = find_fitted(record.fit, record.fit.poi);
    if (record.comparisons.empty() || main == nullptr) return {};
    const double error = error_to_compare(record.fit);
    std::vector<std::vector<Cell>> rows{comparison_row("this fit", *main, std::nullopt)};
    if (error != main->error) {
        FittedParameter fixed = *main;
        fixed.error = error;
        fixed.error_low = fixed.error_high = std::nullopt;
        rows.push_back(
            comparison_row("this fit, constrained parameters fixed", fixed, std::nullopt));
    }
    for (const ComparisonFit& comparison : record.comparisons) {
        const FittedParameter* poi = find_fitted(comparison.fit, comparison.fit.poi);
        if (poi == nullptr) continue;
        rows.push_back(comparison_row(comparison.label, *poi, error_ratio(record.fit, *poi)));
    }
    return table_html("The same events, the same likelihood code, other ratios",
                      {"ratios", record.fit.poi, "error", "t < 1", error_ratio_name(record.fit)},
                      rows);
}

/// Points of the scan with the comparison fits that were scanned at the same points.
std::string scan_table(const FitRecord& record) {
    std::vector<const ComparisonFit*> columns;
    std::vector<std::string> header{record.fit.poi, "t, this fit"};
    for (const ComparisonFit& comparison : record.comparisons) {
        const auto& scan = comparison.fit.scan;
        if (!std::equal(scan.begin(), scan.end(), record.fit.scan.begin(), record.fit.scan.end(),
                        [](const auto& a, const auto& b) { return a.poi == b.poi; })) {
            continue;
        }
        columns.push_back(&comparison);
        header.push_back("t, " + comparison.label);
    }
    header.emplace_back();
    std::vector<std::vector<Cell>> rows;
    for (std::size_t i = 0; i < record.fit.scan.size(); ++i) {
        std::string remark = record.fit.scan[i].converged ? "" : "NOT CONVERGED";
        std::vector<Cell> row{number_cell(fmt::format("{:.5g}", record.fit.scan[i].poi)),
                              number_cell(fmt::format("{:.6f}", record.fit.scan[i].t))};
        for (const auto* column : columns) {
            row.push_back(number_cell(fmt::format("{:.6f}", column->fit.scan[i].t)));
            if (!column->fit.scan[i].converged) remark += " NOT CONVERGED: " + column->label;
        }
        row.push_back(text_cell(remark));
        rows.push_back(std::move(row));
    }
    return details_html("All points of the scan", table_html("", header, rows));
}

}  // namespace

std::string result_section(const ReportInputs& inputs, const Plotter& plotter) {
    if (!inputs.fit) return {};
    const FitRecord& record = *inputs.fit;
    const std::string tables =
        parameter_table(record.fit) + finite_mc_table(record) + minima_table(record.fit);
    Figures figures(plotter, "scan");
    if (!record.fit.scan.empty()) {
        figures.add("scan", scan_plot(record), scan_caption(record));
    }
    std::string body = tiles(record) + "<div class=\"beside\">\n<div>" + tables + "</div>\n" +
                       figures.html() + "</div>\n" + comparison_table(record);
    body +=
        "<p class=\"note\">error: square root of the diagonal of the inverse Hessian of the "
        "negative "
        "log-likelihood. t = 2 (NLL(" +
        escape_html(record.fit.poi) +
        ") - NLL(minimum)) with all other parameters profiled; where it follows chi2 with one "
        "degree of "
        "freedom, t &lt; 1 holds 68.27 % and t &lt; 3.84 holds 95 %.</p>\n";
    if (!record.fit.scan.empty()) body += scan_table(record);
    return section_html("result", "Result", body);
}

namespace {

std::string injected_end_text(const InjectedParameter& parameter,
                              const std::optional<double>& distance,
                              double sign) {
    return distance ? fmt::format("{:.4g}", parameter.value + sign * *distance)
                    : std::string("open");
}

std::string injections_table(const FitRecord& record) {
    if (record.injections.empty()) return {};
    std::vector<std::vector<Cell>> rows;
    for (const InjectionFit& injection : record.injections) {
        for (const InjectedParameter& parameter : injection.parameters) {
            const bool interval = parameter.error_low || parameter.error_high;
            rows.push_back(
                {text_cell(injection.name), text_cell(injection.data), text_cell(parameter.name),
                 number_cell(fmt::format("{:.6g}", parameter.injected)),
                 number_cell(with_error(parameter.value, parameter.error)),
                 number_cell(interval ? injected_end_text(parameter, parameter.error_low, -1.0) +
                                            " to " +
                                            injected_end_text(parameter, parameter.error_high, 1.0)
                                      : std::string("-")),
                 number_cell(parameter.pull ? fmt::format("{:.3f}", *parameter.pull)
                                            : std::string("-")),
                 text_cell(injection.converged ? "" : "NOT CONVERGED")});
        }
    }
    return table_html("Fits of data whose truth is known",
                      {"injection", "data", "parameter", "injected", "fitted", "t < 1", "pull", ""},
                      rows);
}

std::string gof_table(const GofRecord& gof) {
    std::vector<std::vector<Cell>> rows;
    for (const GofTest& test : gof.tests) {
        rows.push_back(
            {text_cell(test.region), text_cell(test.observable),
             number_cell(test.observed.empty() ? std::string("-")
                                               : fmt::format("{}", test.observed.size())),
             number_cell(fmt::format("{:.3f}", test.deviance)),
             number_cell(fmt::format("{:g}", test.ndf)),
             number_cell(fmt::format("{:.4f} \u00b1 {:.4f}", test.p_value, test.p_error)),
             number_cell(fmt::format("{:.4g}", test.p_asymptotic))});
    }
    return table_html(
        fmt::format("Goodness of fit, {} toys at {} = {:.6g}", gof.toys, gof.poi, gof.best),
        {"region", "observable", "bins", "deviance", "ndf", "p-value", "chi2 p-value"}, rows);
}

std::string samples_table(const FitRecord& record) {
    if (record.samples.empty()) return {};
    std::vector<std::vector<Cell>> rows;
    for (const UsedSample& sample : record.samples) {
        rows.push_back({text_cell(sample.region), text_cell(sample.sample),
                        number_cell(fmt::format("{}", sample.events)),
                        number_cell(fmt::format("{}", sample.negative)),
                        number_cell(fmt::format("{:.0f}", sample.effective_events))});
    }
    return table_html("Simulated events of the fit and its reference",
                      {"region", "sample", "events", "negative weights",
                       "worth of weight 1, (sum w)^2 / sum w^2"},
                      rows);
}

}  // namespace

std::string data_section(const ReportInputs& inputs) {
    if (!inputs.fit) return {};
    const FitRecord& record = *inputs.fit;
    if (!record.blinding && record.injections.empty() && !inputs.gof && record.samples.empty()) {
        return {};
    }
    std::string body = paragraph_html("Fitted: " + record.data + ".") + samples_table(record);
    if (record.blinding) body += paragraph_html(blinding_text(*record.blinding) + ".");
    body += injections_table(record);
    if (inputs.gof) body += gof_table(*inputs.gof);
    return section_html("data", "Data", body);
}

}  // namespace ratiofarm
