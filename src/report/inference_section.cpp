#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "html.hpp"
#include "inference_pictures.hpp"
#include "report_plots.hpp"
#include "report_sections.hpp"

namespace ratiofarm {
namespace {

constexpr std::size_t most_impacts = 25;
constexpr std::size_t most_correlations = 40;

Cell optional_cell(const std::optional<double>& value) {
    return number_cell(value ? fmt::format("{:.4g}", *value) : std::string("-"));
}

std::string figure(const std::string& picture, std::string_view caption) {
    if (picture.empty()) return {};
    return fmt::format("<figure>\n{}<figcaption>{}</figcaption>\n</figure>\n", picture,
                       escape_html(caption));
}

std::string impacts_table(const FitResult& fit) {
    std::vector<std::vector<Cell>> rows;
    for (const Impact& impact : ranked(fit.impacts, ImpactDefinition::refit_shift)) {
        const char* mark = impact.not_linear ? " (not linear: only refits measure it)" : "";
        rows.push_back({text_cell(impact.parameter + mark),
                        number_cell(fmt::format("{:.4g}", impact.others_fixed)),
                        number_cell(fmt::format("{:.4g}", impact.refit_shift)),
                        optional_cell(impact.global_observable), optional_cell(impact.refit_down),
                        optional_cell(impact.refit_up)});
    }
    return "<details><summary>All impacts by all definitions</summary>\n" +
           table_html("",
                      {"parameter", "others fixed", "refit shift", "global observable",
                       "refit, down", "refit, up"},
                      rows) +
           "</details>\n";
}

std::string breakdown_table(const FitResult& fit) {
    const ErrorBreakdown& parts = fit.breakdown;
    const auto row = [](std::string_view name, double observables, std::optional<double> frozen) {
        return std::vector<Cell>{text_cell(name), number_cell(fmt::format("{:.4g}", observables)),
                                 optional_cell(frozen)};
    };
    std::vector<std::vector<Cell>> rows{
        row("total", parts.total, parts.total),
        row("statistical", parts.statistical, parts.statistical_frozen),
        row("systematic", parts.systematic, std::nullopt)};
    for (const GroupError& group : parts.groups) {
        rows.push_back(row(group.group, group.global_observables, group.frozen));
    }
    return table_html("Parts of the error of " + fit.poi,
                      {"", "by global observables", "by fixing"}, rows);
}

std::string normalisation_table(const FitResult& fit) {
    if (fit.normalisations.empty()) return {};
    std::vector<std::vector<Cell>> rows;
    for (const auto& z : fit.normalisations) {
        rows.push_back({text_cell(z.region), text_cell(z.process),
                        number_cell(fmt::format("{:.6f}", z.z)),
                        number_cell(fmt::format("{:.6f}", z.z_of_reference))});
    }
    return table_html("Norm of the shapes at the minimum",
                      {"region", "process", "Z as used", "Z from all reference events"}, rows);
}

std::string limits_table(const FitRecord& record) {
    const UpperLimits& limits = record.limits->limits;
    std::vector<Cell> row{optional_cell(limits.observed)};
    for (const auto& limit : limits.expected) row.push_back(optional_cell(limit));
    return table_html(fmt::format("Upper limits on {} at {:.4g} % CLs, asymptotic; '-' is beyond "
                                  "the range; observed in: {}",
                                  record.fit.poi, 100.0 * limits.level, record.data),
                      {"observed", "-2", "-1", "expected", "+1", "+2"}, {row});
}

std::string impacts_part(const FitResult& fit) {
    if (fit.impacts.empty()) return {};
    const std::string shown = fit.impacts.size() > most_impacts
                                  ? fmt::format("the {} largest", most_impacts)
                                  : std::string("all");
    const std::string pictures =
        figure(impacts_picture(fit, ImpactDefinition::refit_shift, most_impacts),
               "Pulls (value - global observable) / width with error / width, and impacts by "
               "refit_shift, V_mu,a / sqrt(V_aa): " +
                   shown + ". Blue: upwards.") +
        figure(correlation_picture(fit, most_correlations), "Correlations in per cent.");
    return breakdown_table(fit) + "<div class=\"figures\">\n" + pictures + "</div>\n" +
           impacts_table(fit) +
           "<p class=\"note\">others fixed: -H_mu,a / H_mu,mu delta_a; refit shift: V_mu,a / "
           "sqrt(V_aa); global observable: V_mu,a / delta_a, which add in quadrature to the "
           "systematic error. V is the covariance, H its inverse, delta_a the width of the "
           "constraint.</p>\n";
}

}  // namespace

std::string inference_section(const ReportInputs& inputs, const Plotter& plotter) {
    if (!inputs.fit) return {};
    const FitRecord& record = *inputs.fit;
    std::string body = impacts_part(record.fit) + normalisation_table(record.fit);
    if (record.limits) {
        Figures figures(plotter, "limits");
        if (!record.limits->limits.scan.empty()) {
            figures.add(limits_plot(record),
                        "CLs observed and expected with bands of one and two standard "
                        "deviations; the line is 1 - level.");
        }
        body += limits_table(record) + figures.html();
    }
    return body.empty() ? body : section_html("inference", "Impacts and limits", body);
}

}  // namespace ratiofarm
