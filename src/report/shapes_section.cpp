#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "html.hpp"
#include "report_sections.hpp"

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
        "Learned shapes",
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

}  // namespace

std::string shapes_section(const ReportInputs& inputs) {
    if (!inputs.fit || inputs.fit->shapes.shapes.empty()) return {};
    const ShapeRecord& record = inputs.fit->shapes;
    return section_html(
        "shapes", "Shapes of systematics",
        untreated_table(record, inputs.fit->fit.poi) + shapes_table(record) +
            "<p class=\"note\">gain: how much the nets of both sides gain over a constant net, in "
            "the loss and to first order, on events that they never saw; a shape is significant if "
            "its gain is. rms of the noise: noise in d ln g / d alpha, from nets on halves of the "
            "training events. error by noise: error of a parameter with a constraint of width 1 "
            "that only this noise determines.</p>\n");
}

}  // namespace ratiofarm
