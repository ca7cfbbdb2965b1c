#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "html.hpp"
#include "report_plots.hpp"
#include "report_sections.hpp"

namespace ratiofarm {
namespace {

constexpr int most_losses = 24;  // of ensembles under way

constexpr std::string_view rest_text =
    "rest: by how much r is typically off in a bin, beyond what statistics explain. 'agrees': "
    "chi2 is within three standard deviations of ndf; 'small': it is not, but the rest is at most "
    "5 %; 'check': neither; 'too few events': one bin is left, which tests nothing.";

std::string chi2_text(const Agreement& agreement) {
    return fmt::format("{:.1f} / {}", agreement.chi2, agreement.ndf);
}

std::string ratio_normalisation_table(const ReportInputs& inputs) {
    std::vector<std::vector<Cell>> rows;
    for (const ProcessSummary& process : inputs.processes) {
        const NormalisationCheck& check = process.normalisation;
        rows.push_back({text_cell(process.name),
                        number_cell(fmt::format("{:+.3f} %", 100.0 * check.deviation)),
                        number_cell(fmt::format("{:.3f} %", 100.0 * check.error)),
                        number_cell(fmt::format("{:.3f} %", 100.0 * check.gate)),
                        number_cell(fmt::format("{:+.5f}", process.log_z)),
                        verdict_cell(check.passes())});
    }
    return table_html("E_ref[r] - 1 before normalisation: zero for an exact ratio",
                      {"process", "deviation", "error", "allowed", "log Z divided out", ""}, rows);
}

std::vector<Cell> agreement_cells(const Agreement& agreement) {
    return {number_cell(chi2_text(agreement)),
            number_cell(fmt::format("{:.2f} %", 100.0 * agreement.rest)),
            verdict_cell(verdict_of(agreement))};
}

std::string shape_table(const ReportInputs& inputs) {
    std::vector<std::vector<Cell>> rows;
    for (const ProcessSummary& process : inputs.processes) {
        const auto add = [&](std::string_view what, const Agreement& agreement) {
            rows.push_back({text_cell(process.name), text_cell(what)});
            for (Cell& cell : agreement_cells(agreement)) rows.back().push_back(std::move(cell));
        };
        if (process.score_closure) add("closure in log r", process.score_closure->agreement);
        if (process.calibration) add("calibration", process.calibration->agreement);
    }
    return table_html("Agreement in bins of the learned ratio itself",
                      {"process", "check", "chi2 / ndf", "rest", ""}, rows);
}

std::string accuracy_table(const ReportInputs& inputs) {
    std::vector<std::vector<Cell>> rows;
    for (const ProcessSummary& process : inputs.processes) {
        if (!process.accuracy) continue;
        const RatioAccuracy& accuracy = *process.accuracy;
        rows.push_back({text_cell(process.name), number_cell(fmt::format("{:+.4f}", accuracy.mean)),
                        number_cell(fmt::format("{:.4f}", accuracy.rms)),
                        number_cell(fmt::format("{:.4f}", accuracy.slope)),
                        number_cell(fmt::format("{:+.4f}", accuracy.intercept)),
                        number_cell(fmt::format("{}", accuracy.events)),
                        number_cell(fmt::format("{}", accuracy.not_finite))});
    }
    if (rows.empty()) return {};
    return table_html(
        "Learned - exact log ratio over the reference, where events with r below 1 "
        "count by r; exact regressed on learned",
        {"process", "mean", "rms", "slope", "intercept", "events", "not finite"}, rows);
}

std::string zero_ratios_text(const ReportInputs& inputs) {
    std::string text;
    for (const ProcessSummary& process : inputs.processes) {
        if (process.zero_ratios == 0) continue;
        text += paragraph_html(fmt::format(
            "Process '{}': {} of {} events of its sample and of the reference have r = 0 (ln r = "
            "-inf). They count in all sums and in the lowest bin of a check, and are left out of "
            "the edges of bins and of the distribution of log r.",
            process.name, process.zero_ratios, process.seen_events));
    }
    return text;
}

std::string identity_text(const ReportInputs& inputs) {
    if (!inputs.identity) return {};
    const IdentityCheck& check = *inputs.identity;
    std::string text = fmt::format(
        "Identity: the sum of pi_k r_k over the components of the reference is 1 for exact ratios. "
        "Over "
        "{} reference events its mean is {:.5f}, it scatters by {:.4f} (root mean square) and lies "
        "between {:.4f} and {:.4f}.",
        check.events, check.mean, check.rms, check.smallest, check.largest);
    if (inputs.identity_mean_before) {
        text +=
            fmt::format(" Before normalisation the mean was {:.5f}.", *inputs.identity_mean_before);
    }
    return paragraph_html(text);
}

std::string closure_table(const ReportInputs& inputs) {
    std::vector<std::vector<Cell>> rows;
    for (const ProcessSummary& process : inputs.processes) {
        for (const FeatureClosure& feature : process.closures) {
            rows.push_back({text_cell(process.name), text_cell(feature.feature)});
            for (Cell& cell : agreement_cells(feature.closure.agreement)) {
                rows.back().push_back(std::move(cell));
            }
        }
    }
    return table_html("", {"process", "feature", "chi2 / ndf", "rest", ""}, rows);
}

std::vector<Cell> ensemble_row(const std::string& process, const EnsembleSummary& ensemble) {
    double best = 0.0;
    std::size_t epochs = 0;
    for (const MemberHistory& member : ensemble.members) {
        best += member.best_validation_loss / static_cast<double>(ensemble.members.size());
        epochs += member.training_loss.size();
    }
    return {
        text_cell(process),
        text_cell(fmt::format("{}, {}", ensemble.members.size(), ensemble.combine)),
        number_cell(ensemble.parameters_per_net > 0 ? fmt::format("{}", ensemble.parameters_per_net)
                                                    : std::string("-")),
        number_cell(fmt::format("{} + {}", ensemble.training_events, ensemble.validation_events)),
        number_cell(fmt::format("{}", ensemble.negative_weights)),
        number_cell(fmt::format("{}", epochs)),
        number_cell(fmt::format("{:.5f}", best)),
        number_cell(std::isfinite(ensemble.spread) ? fmt::format("{:.4f}", ensemble.spread)
                                                   : std::string("-"))};
}

std::string ensemble_table(const ReportInputs& inputs) {
    std::vector<std::vector<Cell>> rows;
    for (const ProcessSummary& process : inputs.processes) {
        if (process.ensemble) rows.push_back(ensemble_row(process.name, *process.ensemble));
    }
    for (const UnderWay& one : inputs.under_way) {
        rows.push_back(ensemble_row(one.name, one.summary));
    }
    return table_html(
        "",
        {"process", "members, combined by", "parameters", "events, training + validation",
         "negative weights", "epochs", "best loss", "spread of log r"},
        rows);
}

}  // namespace

std::string checks_section(const ReportInputs& inputs) {
    if (inputs.processes.empty()) return {};
    return section_html("checks", "Checks of the ratios",
                        ratio_normalisation_table(inputs) + zero_ratios_text(inputs) +
                            identity_text(inputs) + shape_table(inputs) +
                            paragraph_html(rest_text) + accuracy_table(inputs));
}

std::string closure_section(const ReportInputs& inputs, const Plotter& plotter) {
    Figures figures(plotter, "closure", "small");
    bool any = false;
    for (const ProcessSummary& process : inputs.processes) {
        for (const FeatureClosure& feature : process.closures) {
            any = true;
            figures.add(fmt::format("closure_{}_{}", process.name, feature.feature),
                        closure_plot(feature, process.name,
                                     label_of(inputs.labels.features, feature.feature)),
                        fmt::format("{} in {}: chi2 / ndf = {}", process.name, feature.feature,
                                    chi2_text(feature.closure.agreement)));
        }
    }
    if (!any) return {};
    return section_html(
        "closure", "Closure: the reference reweighted to each sample",
        paragraph_html(
            "Reference events with weight w r_j against the sample of process j. Events of the "
            "sample are part of the reference, so errors and chi2 come from the difference of both "
            "sides event by event, with its full covariance between bins. The outer bins hold all "
            "events beyond the range that is drawn. Triangles point to ratios beyond their "
            "panel.") +
            closure_table(inputs) + figures.html());
}

std::string calibration_section(const ReportInputs& inputs, const Plotter& plotter) {
    Figures figures(plotter, "calibration", "small");
    bool any = false;
    for (const ProcessSummary& process : inputs.processes) {
        if (process.calibration) {
            any = true;
            figures.add(
                "calibration_" + process.name, calibration_plot(*process.calibration, process.name),
                fmt::format(
                    "{}: observed against predicted fraction, chi2 / bins = {}; rest {:.1f} %",
                    process.name, chi2_text(process.calibration->agreement),
                    100.0 * process.calibration->agreement.rest));
        }
        if (process.ratios) {
            any = true;
            figures.add("ratio_" + process.name, ratio_plot(*process.ratios, process.name),
                        fmt::format("{}: log r in the sample and in the reference", process.name));
        }
    }
    if (!any || !plotter.available()) return {};
    return section_html(
        "calibration", "Calibration and distribution of the ratios",
        paragraph_html(
            "Sample and reference with equal total weights, in bins of equal content of the score "
            "r/(1 + r). Errors are those of observed - predicted and account for shared events.") +
            figures.html());
}

std::string training_section(const ReportInputs& inputs, const Plotter& plotter) {
    Figures figures(plotter, "training", "small");
    bool any = false;
    for (const ProcessSummary& process : inputs.processes) {
        if (!process.ensemble) continue;
        any = true;
        figures.add(
            "loss_" + process.name, loss_plot(*process.ensemble),
            fmt::format("{}: loss of {} members", process.name, process.ensemble->members.size()));
    }
    for (const UnderWay& one : inputs.under_way) {
        if (figures.count() == most_losses) break;
        any = true;
        figures.add("loss_" + one.name, loss_plot(one.summary),
                    fmt::format("{}: loss of the {} nets that are trained so far, excluded ones "
                                "among them",
                                one.name, one.summary.members.size()));
    }
    if (!any) return {};
    return section_html(
        "training", "Training",
        ensemble_table(inputs) +
            "<p class=\"note\">epochs: over all members. best loss: lowest validation loss, mean "
            "over the members. spread of log r: standard deviation over the members, root mean "
            "square over the reference, where events with r below 1 count by r: beside a narrow "
            "peak nets agree only on its being far below. Divided by the root of the number of "
            "members it is the "
            "training noise that is left in the mean.</p>\n" +
            figures.html());
}

}  // namespace ratiofarm
