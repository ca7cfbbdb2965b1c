#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "protocol/list_quantities.hpp"

#include "html.hpp"
#include "report_plots.hpp"
#include "report_sections.hpp"

namespace ratiofarm {
namespace {

/// More rows of single nets than this help nobody.
constexpr std::size_t most_rows = 200;

std::string percent(double value) {
    return std::isfinite(value) ? fmt::format("{:.2f} %", 100.0 * value) : "-";
}

std::string plain_number(double value) {
    return std::isfinite(value) ? fmt::format("{:.4f}", value) : "-";
}

double worst_closure(const NetQuality& quality) {
    double worst = 0.0;
    for (const double closure : quality.closure) worst = std::max(worst, closure);
    return worst;
}

/// "3.20 % in mass"
std::string closure_text(const EnsembleQuality& ensemble, const NetQuality& quality) {
    const auto worst = std::ranges::max_element(quality.closure);
    if (worst == quality.closure.end()) return "-";
    const std::string of =
        closure_name(ensemble.features, static_cast<std::size_t>(worst - quality.closure.begin()));
    return of.empty() ? percent(*worst) : fmt::format("{} in {}", percent(*worst), of);
}

/// The gates that a net does not pass, if any.
Cell gates_cell(const NetRow& net) {
    std::string beyond;
    for (const GateCheck& check : net.checks) {
        if (!check.passed) beyond += (beyond.empty() ? " " : ", ") + check.gate;
    }
    Cell cell = verdict_cell(beyond.empty());
    cell.html += escape_html(beyond);
    return cell;
}

using Number = std::function<double(const NetQuality&)>;

/// Median and worst over the nets.
std::string range_text(const EnsembleQuality& ensemble, const Number& number) {
    std::vector<double> values;
    for (const NetRow& net : ensemble.nets) {
        const double value = number(net.quality);
        if (std::isfinite(value)) values.push_back(value);
    }
    if (values.empty()) return "-";
    std::sort(values.begin(), values.end());
    return percent(values[(values.size() - 1) / 2]) + ", " + percent(values.back());
}

std::string ensemble_quality_table(const std::vector<EnsembleQuality>& ensembles) {
    std::vector<std::vector<Cell>> rows;
    for (const EnsembleQuality& ensemble : ensembles) {
        const auto range = [&](const Number& number) {
            return number_cell(range_text(ensemble, number));
        };
        const std::string nets =
            ensemble.planned == 0
                ? fmt::format("{}", ensemble.nets.size())
                : fmt::format("{} trained for {}", ensemble.nets.size(), ensemble.planned);
        rows.push_back(
            {text_cell(ensemble.name), number_cell(nets),
             number_cell(fmt::format("{}", ensemble.excluded.size())),
             range([](const NetQuality& q) { return std::abs(q.excess); }),
             range([](const NetQuality& q) { return q.sc_rms; }),
             range([](const NetQuality& q) { return q.sc_norm; }), range(worst_closure),
             range([](const NetQuality& q) { return std::abs(q.calibration_slope - 1.0); }),
             range([](const NetQuality& q) { return q.overtraining; }),
             number_cell(plain_number(ensemble.spread))});
    }
    return table_html("Median and worst net of each ensemble",
                      {"ensemble", "nets", "excluded", "|E[r] - 1|", "SC rms", "SC norm",
                       "worst closure", "|slope - 1|", "overtraining", "spread of the mean"},
                      rows);
}

std::string excluded_table(const std::vector<EnsembleQuality>& ensembles) {
    std::vector<std::vector<Cell>> rows;
    for (const EnsembleQuality& ensemble : ensembles) {
        for (const ExcludedRow& net : ensemble.excluded) {
            rows.push_back({text_cell(ensemble.name), text_cell(net.name), text_cell(net.reason)});
        }
    }
    if (rows.empty()) return paragraph_html("No net was excluded by the gates.");
    return table_html("Nets that were excluded", {"ensemble", "net", "why"}, rows);
}

std::vector<Cell> net_row(const EnsembleQuality& ensemble, const NetRow& net) {
    const NetQuality& quality = net.quality;
    return {text_cell(net.name),
            number_cell(fmt::format("{}", net.attempts)),
            number_cell(fmt::format("{:.5f}", net.validation_loss)),
            number_cell(
                fmt::format("{} +- {}", percent(quality.excess), percent(quality.excess_error))),
            number_cell(percent(quality.sc_rms)),
            number_cell(percent(quality.sc_norm)),
            number_cell(closure_text(ensemble, quality)),
            number_cell(fmt::format("{} +- {}", plain_number(quality.calibration_slope),
                                    plain_number(quality.slope_error))),
            number_cell(percent(quality.overtraining)),
            number_cell(fmt::format("{}", quality.saturated)),
            gates_cell(net)};
}

std::string net_table(const EnsembleQuality& ensemble) {
    std::vector<std::vector<Cell>> rows;
    for (const NetRow& net : ensemble.nets) {
        if (rows.size() == most_rows) break;
        rows.push_back(net_row(ensemble, net));
    }
    const std::string title = rows.size() < ensemble.nets.size()
                                  ? fmt::format("{}: the first {} of {} nets", ensemble.name,
                                                rows.size(), ensemble.nets.size())
                                  : fmt::format("{}: {} nets", ensemble.name, rows.size());
    // Where nets are missing this is what one looks for.
    const auto shown = [&](const std::string& table) {
        return ensemble.failures.empty() ? details_html(title, table)
                                         : paragraph_html(title) + table;
    };
    return shown(table_html("",
                            {"net", "attempts", "validation loss", "E[r] - 1", "SC rms", "SC norm",
                             "worst closure", "slope", "overtraining", "saturated", "gates"},
                            rows));
}

/// Of the net whose training events look most different to it.
void add_scores(const EnsembleQuality& ensemble, Figures& figures) {
    const auto worst = std::ranges::max_element(ensemble.nets, {}, [](const NetRow& net) {
        return net.scores.shares.empty() ? -1.0 : net.quality.overtraining;
    });
    if (worst == ensemble.nets.end() || worst->scores.shares.empty()) return;
    figures.add("scores_" + ensemble.name, score_plot(worst->scores, ensemble.name),
                fmt::format("{}: ln r of the events that trained it and of its validation events; "
                            "of the nets of {} the one in which they differ most (overtraining {}, "
                            "chance reaches {})",
                            worst->name, ensemble.name, percent(worst->quality.overtraining),
                            percent(worst->quality.overtraining_noise)));
}

}  // namespace

std::string quality_section(const ReportInputs& inputs, const Plotter& plotter) {
    if (inputs.ensembles.empty()) return {};
    Figures figures(plotter, "quality", "small");
    Figures others(plotter, "others", "small");
    std::string nets;
    for (const EnsembleQuality& ensemble : inputs.ensembles) {
        nets += net_table(ensemble);
        const bool nominal = std::ranges::find(inputs.processes, ensemble.name,
                                               &ProcessSummary::name) != inputs.processes.end();
        Figures& those = nominal ? figures : others;
        add_scores(ensemble, those);
        those.add("nets_" + ensemble.name, net_calibration_plot(ensemble),
                  fmt::format("{}: calibration of single nets on their validation events",
                              ensemble.name));
    }
    return section_html(
        "quality", "Quality of the nets",
        paragraph_html(
            "Single nets on their validation events, before they are combined and normalised. E[r] "
            "- 1: mean ratio over the denominator. SC: deviation of the reweighted denominator "
            "from the numerator in quantile bins of the logit, root mean square after subtracting "
            "the statistical part; norm: after dividing r by its mean. Closure: the same in bins "
            "of a feature. Slope: of a logistic fit of the class to the logit. Overtraining: "
            "largest distance of the distributions of the logit between training and validation "
            "events. Spread of the mean: standard deviation of log r over the members, divided by "
            "the root of their number; events with r below 1 count by r.") +
            figures.html() + ensemble_quality_table(inputs.ensembles) +
            excluded_table(inputs.ensembles) +
            details_html("Calibration of the nets of systematics", others.html()) + nets);
}

}  // namespace ratiofarm
