#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "html.hpp"
#include "report_sections.hpp"
#include "spectrum_plots.hpp"

namespace ratiofarm {
namespace {

std::string plain(double value) {
    return std::isfinite(value) ? fmt::format("{:.4g}", value) : std::string("-");
}

/// Error of a parameter whose constraint has unit width.
std::string error_by_noise_text(double information) {
    return std::isfinite(information) ? fmt::format("{:.4f}", error_by_noise(1.0, information))
                                      : std::string("-");
}

std::string shapes_table(const ShapeRecord& record) {
    std::vector<std::vector<Cell>> rows;
    for (const ShapeRecord::Shape& shape : record.shapes) {
        const ShapeSignificance& significance = shape.significance;
        rows.push_back({text_cell(shape.process), text_cell(shape.parameter),
                        number_cell(plain(significance.gain / significance.gain_error)),
                        number_cell(plain(significance.gain)),
                        number_cell(plain(std::sqrt(significance.noise_variance))),
                        number_cell(error_by_noise_text(shape.information)),
                        text_cell(shape.left_out              ? "not significant: left out"
                                  : !significance.significant ? "not significant: kept"
                                                              : "")});
    }
    return table_html(
        "",
        {"process", "parameter", "gain / error", "gain", "rms of the noise", "error by noise", ""},
        rows);
}

std::string untreated_table(const ShapeRecord& record, const std::string& poi) {
    if (record.untreated.empty()) return {};
    const bool held = record.left_out_error.has_value();
    std::vector<std::vector<Cell>> rows;
    for (const ShapeRecord::Untreated& entry : record.untreated) {
        rows.push_back({text_cell(entry.parameter), number_cell(fmt::format("{:.4f}", entry.error)),
                        number_cell(fmt::format("{:.4f}", entry.untreated)),
                        number_cell(plain(entry.error_by_noise)),
                        number_cell(held ? plain(entry.shift) : "-"),
                        number_cell(held ? plain(entry.shift_noise) : "-")});
    }
    const std::string note =
        held ? fmt::format(
                   "the error of {} holds {:.4g} for what they could do to it; without "
                   "that it is {:.4g}. shift: of {}, by these shapes at one width of the "
                   "constraint.",
                   poi, *record.left_out_error, record.error_without, poi)
             : fmt::format("no error of {} holds what they could do to it.", poi);
    return table_html("Parameters of shapes that were left out",
                      {"parameter", "error", "error with these shapes", "error by noise",
                       "shift of " + poi, "noise in it"},
                      rows) +
           "<p class=\"note\">" + escape_html(note) + "</p>\n";
}

std::string noises_table(const ShapeRecord& record, const std::string& poi) {
    if (!record.noise_error) return {};
    std::vector<std::vector<Cell>> rows;
    for (const ShapeRecord::Noise& noise : record.noises) {
        rows.push_back({text_cell(noise.parameter), number_cell(plain(noise.shift))});
    }
    return table_html("Noise of the shapes in the likelihood", {"parameter", "shift of " + poi},
                      rows) +
           "<p class=\"note\">" +
           escape_html(fmt::format(
               "the error of {} holds {:.4g} for all of it; without that it is {:.4g}. shift: what "
               "the noise of the nets does to {} at the value of the parameter and its error, by "
               "what nets of both halves of the training events differ in.",
               poi, *record.noise_error, record.error_without, poi)) +
           "</p>\n";
}

constexpr std::size_t most_templates = 6;

/// Parameters that move a spectrum, by their impact on the parameter of interest.
std::vector<std::string> moving_parameters(const ReportInputs& inputs) {
    std::vector<std::string> names;
    for (const Impact& impact : ranked(inputs.fit->fit.impacts, ImpactDefinition::refit_shift)) {
        names.push_back(impact.parameter);
    }
    return names;
}

void add_template(const ReportInputs& inputs,
                  const Spectrum& spectrum,
                  const Spectrum::Variation& variation,
                  Figures& figures) {
    const std::string& observable = spectrum.observable;
    figures.add(fmt::format("template_{}_{}", variation.parameter, name_of(spectrum)),
                variation_plot(spectrum, variation, label_of(inputs.labels.features, observable)),
                fmt::format("{} in region {}, {}: by the width of its constraint, up and down",
                            variation.parameter, spectrum.region,
                            observable.empty() ? "bins" : observable));
}

/// Up and down of the parameters with the largest impact, each where it is seen best; as files of
/// all parameters, wherever they act.
void add_templates(const ReportInputs& inputs, const Plotter& plotter, Figures& figures) {
    std::size_t shown = 0;
    for (const std::string& parameter : moving_parameters(inputs)) {
        const Spectrum* best = nullptr;
        const Spectrum::Variation* best_variation = nullptr;
        double most = 0.0;
        for (const Spectrum& spectrum : inputs.spectra) {
            const auto variation =
                std::ranges::find(spectrum.variations, parameter, &Spectrum::Variation::parameter);
            if (variation == spectrum.variations.end()) continue;
            const double seen = visibility(spectrum, *variation);
            if (plotter.writes_files() && seen > 0.0) {
                add_template(inputs, spectrum, *variation, figures);
            }
            if (!(seen > most) || spectrum.data.size() < 2) continue;
            most = seen;
            best = &spectrum;
            best_variation = &*variation;
        }
        if (best == nullptr || plotter.writes_files() || shown == most_templates) continue;
        add_template(inputs, *best, *best_variation, figures);
        ++shown;
    }
}

}  // namespace

std::string shapes_section(const ReportInputs& inputs, const Plotter& plotter) {
    if (!inputs.fit) return {};
    Figures figures(plotter, "shapes");
    add_templates(inputs, plotter, figures);
    std::string body = figures.html();
    if (!body.empty()) {
        body = paragraph_html(fmt::format(
                   "The parameters with the largest impact, each in the observable where it is "
                   "seen best; 'ratiofarm plots' draws all of them. Statistics of the simulation "
                   "that up, down and nominal share cancel in the ratio.")) +
               body;
    }
    const ShapeRecord& record = inputs.fit->shapes;
    if (!record.shapes.empty()) {
        body +=
            untreated_table(record, inputs.fit->fit.poi) +
            noises_table(record, inputs.fit->fit.poi) +
            details_html(
                "Significance of the learned shapes",
                shapes_table(record) +
                    "<p class=\"note\">gain: how much the nets of both sides gain over a constant "
                    "net, in the loss and to first order, on events that they never saw; a shape "
                    "is significant if its gain is. rms of the noise: noise in d ln g / d alpha, "
                    "from "
                    "nets on halves of the training events. error by noise: error of a parameter "
                    "with a constraint of width 1 that only this noise determines.</p>\n");
    }
    return body.empty() ? body : section_html("shapes", "Systematics", body);
}

}  // namespace ratiofarm
