#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "html.hpp"
#include "inference_plots.hpp"
#include "report_plots.hpp"
#include "report_sections.hpp"
#include "statistic_text.hpp"
#include "toys_part.hpp"

namespace ratiofarm {
namespace {

constexpr std::size_t rows_of_ranking = 40;
constexpr std::size_t most_correlations = 15;  // to be read on a page
constexpr std::size_t most_in_a_file = 25;
constexpr std::size_t most_contours = 2;

Cell optional_cell(const std::optional<double>& value) {
    return number_cell(value ? fmt::format("{:.4g}", *value) : std::string("-"));
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
    return details_html("All impacts by all definitions",
                        table_html("",
                                   {"parameter", "others fixed", "refit shift", "global observable",
                                    "refit, down", "refit, up"},
                                   rows));
}

/// What the parts do not hold.
std::string not_in_the_parts(const FitRecord& record) {
    std::string text;
    const auto& finite = record.finite_mc;
    if (!finite) {
        text = "The finite number of simulated events is not in them: [finite_mc] estimates it.";
    } else if (finite->use == FiniteMcUse::report) {
        text = fmt::format(
            "The finite number of simulated events, {:.4g}, is not in them; with it the error is "
            "{:.4g}.",
            finite->sigma, finite->total_error);
    } else if (finite->use == FiniteMcUse::inflation) {
        text = fmt::format(
            "The finite number of simulated events, {:.4g}, is not in them, but t is divided for "
            "it; with it the error is {:.4g}.",
            finite->sigma, finite->total_error);
    } else {
        text = fmt::format(
            "Of the {:.4g} of the finite number of simulated events {} holds {:.4g}, which is in "
            "them.",
            finite->sigma, finite_mc_parameter, finite->direction_sigma);
    }
    const bool any = std::ranges::any_of(record.fit.impacts, &Impact::not_linear);
    if (any) text += " Nor are parameters that are not linear.";
    return text + " A bias of the nets is in none.";
}

std::string breakdown_table(const FitRecord& record) {
    const ErrorBreakdown& parts = record.fit.breakdown;
    if (!(parts.total > 0.0)) return {};
    const auto row = [](std::string_view name, double observables, std::optional<double> frozen) {
        return std::vector<Cell>{text_cell(name), number_cell(fmt::format("{:.4g}", observables)),
                                 optional_cell(frozen)};
    };
    std::vector<std::vector<Cell>> rows{
        row("statistical", parts.statistical, parts.statistical_frozen),
        row("systematic", parts.systematic, std::nullopt)};
    for (const GroupError& group : parts.groups) {
        rows.push_back(row("of it " + group.group, group.global_observables, group.frozen));
    }
    const ShapeRecord& shapes = record.shapes;
    if (shapes.left_out_error) {
        rows.push_back(row("shapes left out", *shapes.left_out_error, std::nullopt));
    }
    if (shapes.noise_error) {
        rows.push_back(row("noise of shapes", *shapes.noise_error, std::nullopt));
    }
    rows.push_back(row("total", parts.total, std::nullopt));
    return table_html("Parts of the error of " + record.fit.poi,
                      {"", "by global observables", "by fixing"}, rows) +
           paragraph_html(
               "The parts add up to the total in quadrature. Statistical by global observables: "
               "fluctuations of the data, which constrained parameters follow. By fixing: the "
               "error with all of them fixed, as of a fit without systematics, and smaller for "
               "that. " +
               not_in_the_parts(record));
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
    return table_html(
        fmt::format("Upper limits on {} at {:.4g} % CLs, asymptotic; '-' is beyond "
                    "the range; {}",
                    record.fit.poi, 100.0 * limits.level, observation_text(record)),
        {is_of_asimov(record) ? "Asimov" : "observed", "-2", "-1", "expected", "+1", "+2"}, {row});
}

std::string impacts_part(const FitRecord& record, std::size_t correlated, Figures& figures) {
    const FitResult& fit = record.fit;
    if (fit.impacts.empty()) {
        return record.shapes.held_error() > 0.0 ? breakdown_table(record) : std::string();
    }
    for (std::size_t first = 0; first < fit.impacts.size(); first += rows_of_ranking) {
        const std::size_t last = std::min(first + rows_of_ranking, fit.impacts.size());
        figures.add(fmt::format("ranking_{}", first / rows_of_ranking + 1),
                    ranking_plot(fit, first, rows_of_ranking),
                    fmt::format("Ranking of parameters by their impact on {}, {} to {} of {}.",
                                fit.poi, first + 1, last, fit.impacts.size()));
    }
    const CorrelationPlot correlations = correlation_plot(fit, correlated);
    if (correlations.shown > 1) {
        figures.add("correlations", correlations.plot,
                    fmt::format("Correlations in per cent: the {} of {} parameters with one of at "
                                "least {:.0f} % with some other.",
                                correlations.shown, correlations.all, 100.0 * correlations.cut));
    }
    const FittedParameter* poi = find_fitted(fit, fit.poi);
    std::size_t contours = 0;
    for (const Impact& impact : ranked(fit.impacts, ImpactDefinition::refit_shift)) {
        const FittedParameter* other = find_fitted(fit, impact.parameter);
        const bool profiled = std::ranges::find(fit.contours, impact.parameter, &Contour::second) !=
                              fit.contours.end();
        if (contours >= most_contours && !profiled) continue;
        if (poi == nullptr || !(poi->error > 0.0) || other == nullptr || !(other->error > 0.0)) {
            continue;
        }
        figures.add("contour_" + impact.parameter, contour_plot(fit, fit.poi, impact.parameter),
                    fmt::format("{} and {} at 68.27 and 95 % (t = 2.30 and 5.99), {}", fit.poi,
                                impact.parameter,
                                profiled ? "others profiled; thin: from the covariance"
                                         : "from the covariance ('ratiofarm impacts --contours 2' "
                                           "profiles them)"));
        ++contours;
    }
    return breakdown_table(record) + impacts_table(fit);
}

constexpr const char* impacts_note =
    "<p class=\"note\">Ranking: bars are shifts of the parameter of interest with the parameter "
    "moved up and down by its error and everything else fitted again, by refits where there are "
    "some ('ratiofarm impacts --refit'), else to first order; frames before the fit: the same bars "
    "times width of the constraint / error, not fitted again. Pull: (value - global observable) / "
    "width; its bar is error / "
    "width. *: not linear, only refits measure it. Others fixed: -H_mu,a / H_mu,mu delta_a; refit "
    "shift: V_mu,a / sqrt(V_aa); global observable: V_mu,a / delta_a, which add in quadrature to "
    "the systematic error. V is the covariance, H its inverse, delta_a the width of the "
    "constraint.</p>\n";

}  // namespace

std::string inference_section(const ReportInputs& inputs, const Plotter& plotter) {
    if (!inputs.fit) return {};
    const FitRecord& record = *inputs.fit;
    Figures figures(plotter, "inference");
    std::string tables =
        impacts_part(record, plotter.writes_files() ? most_in_a_file : most_correlations, figures);
    if (!record.fit.impacts.empty()) tables += impacts_note;
    tables += normalisation_table(record.fit);
    if (record.limits) {
        if (!record.limits->limits.scan.empty()) {
            figures.add("limits", limits_plot(record),
                        "CLs observed and expected with bands of one and two standard "
                        "deviations; the line is 1 - level.");
        }
        tables += limits_table(record) + paragraph_html(discovery_text(record) + ".");
    } else if (!tables.empty() || !record.fit.poi.empty()) {
        tables += paragraph_html(
            "No limits and no significance are kept with this fit; a new fit has none. 'ratiofarm "
            "limits' computes them, 'ratiofarm report' then shows them.");
    }
    if (inputs.toys && !inputs.toys->points.empty()) {
        tables += toys_part(*inputs.toys, plotter.writes_files(), figures);
    }
    const std::string body = figures.html() + tables;
    return body.empty() ? body : section_html("inference", "Impacts and limits", body);
}

}  // namespace ratiofarm
