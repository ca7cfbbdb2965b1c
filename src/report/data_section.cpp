// What was fitted: blinding, known truths, how well it fits.
#include <fmt/format.h>

#include "fit_text.hpp"
#include "html.hpp"
#include "report_sections.hpp"

namespace ratiofarm {
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

}  // namespace

std::string data_section(const ReportInputs& inputs) {
    if (!inputs.fit) return {};
    const FitRecord& record = *inputs.fit;
    if (!record.blinding && record.injections.empty() && !inputs.gof) return {};
    std::string body = paragraph_html("Fitted: " + record.data + ".");
    if (record.blinding) body += paragraph_html(blinding_text(*record.blinding) + ".");
    body += injections_table(record);
    if (inputs.gof) body += gof_table(*inputs.gof);
    return section_html("data", "Data", body);
}

}  // namespace ratiofarm
