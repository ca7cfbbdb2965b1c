// What an unfolding found, and how it went.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "html.hpp"
#include "report_sections.hpp"
#include "unfolding_plots.hpp"

namespace ratiofarm {
namespace {

constexpr std::array line_palette{Colour::green, Colour::purple, Colour::orange, Colour::sky,
                                  Colour::vermillion};
constexpr std::size_t most_bins = 30;  // of a matrix with numbers

/// A number of each iteration of each observable. \param levels  worth a line
template <class Value>
Plot progress_of(const UnfoldRecord& record, Axis y, std::vector<double> levels, Value value) {
    Panel panel{.y = std::move(y), .curves = {}, .levels = std::move(levels)};
    for (std::size_t i = 0; i < record.observables.size(); ++i) {
        const UnfoldedObservable& of = record.observables[i];
        Curve line{.label = of.column,
                   .mark = Mark::line,
                   .colour = i == 0 ? Colour::blue : line_palette[(i - 1) % line_palette.size()]};
        Curve points{.mark = Mark::points, .colour = line.colour};
        for (const UnfoldIteration& at : of.iterations) {
            const double y_value = value(of, at);
            if (!std::isfinite(y_value) || (panel.y.logarithmic && y_value <= 0.0)) continue;
            for (Curve* curve : {&line, &points}) {
                curve->x.push_back(at.iteration);
                curve->y.push_back(y_value);
            }
        }
        if (line.x.empty()) continue;
        panel.curves.push_back(std::move(line));
        panel.curves.push_back(std::move(points));
    }
    return {.x = {.label = "iteration",
                  .low = 0.5,
                  .high = static_cast<double>(record.iterations) + 0.5},
            .panels = {std::move(panel)}};
}

void add_progress(const UnfoldRecord& record, Figures& figures) {
    const auto add = [&](const char* name, Plot plot, const char* caption) {
        if (!plot.panels.front().curves.empty()) figures.add(name, plot, caption);
    };
    add("unfolding_change",
        progress_of(record, {.label = "change [errors]", .low = 0.0}, {0.2},
                    [](const auto&, const UnfoldIteration& at) { return at.change; }),
        "How far an iteration moved the bins, in units of their errors; below the line it may "
        "stop");
    add("unfolding_discriminator",
        progress_of(record, {.label = "1000 x discriminator", .logarithmic = true}, {},
                    [](const auto&, const UnfoldIteration& at) { return at.discriminator; }),
        "Triangular discriminator to the iteration before");
    add("unfolding_wasserstein",
        progress_of(record, {.label = "distance [unit of the column]", .logarithmic = true}, {},
                    [](const auto&, const UnfoldIteration& at) { return at.wasserstein; }),
        "Wasserstein distance to the iteration before");
    add("unfolding_refolding",
        progress_of(record, {.label = "chi2 / bins", .logarithmic = true}, {1.0},
                    [](const auto&, const UnfoldIteration& at) {
                        return at.refolding_chi2
                                   ? at.refolding_chi2->value / at.refolding_chi2->rank
                                   : std::nan("");
                    }),
        "Weighted simulation against the data at the reconstruction");
}

std::string progress_table(const UnfoldRecord& record) {
    std::vector<std::vector<Cell>> rows;
    for (const UnfoldProgress& at : record.progress) {
        rows.push_back(
            {number_cell(fmt::format("{}", at.iteration)),
             number_cell(fmt::format("{:.6g}", at.yield)),
             number_cell(fmt::format("{:.5g}", at.effective_events)),
             number_cell(fmt::format("{:.3g} %", 100.0 * at.change)),
             number_cell(fmt::format("{:.2g} %", 100.0 * at.clipped_share)),
             number_cell(at.effective_share ? fmt::format("{:.3g} %", 100.0 * *at.effective_share)
                                            : std::string()),
             number_cell(at.trained_again ? fmt::format("{}", *at.trained_again) : std::string())});
    }
    return table_html(
        "Iterations. Of the nominal chains the unfolded events, what they are worth, "
        "and the mean change of a weight; of all chains the largest clipped share, "
        "the smallest share of effective events that a step leaves, and nets that "
        "were trained again with other seeds",
        {"iteration", "events", "effective", "change", "clipped", "left by a step",
         "trained again"},
        rows);
}

std::string chi2_text(const ChiSquare& chi2) {
    return std::isfinite(chi2.p_value)
               ? fmt::format("{:.4g} / {} (p = {:.2g})", chi2.value, chi2.rank, chi2.p_value)
               : fmt::format("{:.4g} / {}", chi2.value, chi2.rank);
}

/// How far above what is expected a chi2 of some rank may lie.
double three_deviations(const ChiSquare& chi2) { return 3.0 * std::sqrt(2.0 * chi2.rank); }

/// \param most  that the chi2 should be
Cell chi2_verdict(const ChiSquare& chi2, double most) {
    if (!std::isfinite(chi2.p_value)) return text_cell("too few replicas");
    return verdict_cell(chi2.value <= most ? Verdict::agrees : Verdict::differs);
}

Cell chi2_verdict(const ChiSquare& chi2) {
    return chi2_verdict(chi2, chi2.rank + three_deviations(chi2));
}

std::string chi2_table(const UnfoldRecord& record) {
    std::vector<std::vector<Cell>> rows;
    const auto add = [&](const UnfoldedObservable& of, const std::string& what,
                         const ChiSquare& chi2, Cell verdict) {
        rows.push_back({text_cell(of.column), text_cell(what), number_cell(chi2_text(chi2)),
                        std::move(verdict)});
    };
    for (const UnfoldedObservable& of : record.observables) {
        if (const auto& line = of.bottom_line) {
            add(of, "data and simulation, measured", line->reco, text_cell(""));
            add(of, "data and simulation, unfolded (at most the one before)", line->truth,
                chi2_verdict(line->truth, line->reco.value + three_deviations(line->truth)));
        }
        for (const UnfoldComparison& other : of.compared) {
            if (!other.chi2) continue;
            add(of, "unfolded and " + other.sample, *other.chi2, chi2_verdict(*other.chi2));
        }
        if (of.iterations.empty() || !of.iterations.back().refolding_chi2) continue;
        const ChiSquare& refolding = *of.iterations.back().refolding_chi2;
        add(of, "data and weighted simulation, measured", refolding, chi2_verdict(refolding));
    }
    if (rows.empty()) return {};
    return table_html(
        "Chi2 / degrees of freedom. 'agrees': within three standard deviations of "
        "the degrees of freedom, or of the one before; 'check': above that; 'too few "
        "replicas': their covariance tells no p-value",
        {"observable", "between", "chi2", ""}, rows);
}

std::string bins_table(const UnfoldedObservable& of) {
    std::vector<std::vector<Cell>> rows;
    for (std::size_t bin = 0; bin < of.unfolded.size(); ++bin) {
        rows.push_back(
            {text_cell(bin_text(of, bin)), number_cell(fmt::format("{:.5g}", of.prior[bin])),
             number_cell(fmt::format("{:.5g}", of.unfolded[bin])),
             number_cell(std::isfinite(of.error[bin]) ? fmt::format("{:.3g}", of.error[bin])
                                                      : std::string())});
        for (const UnfoldComparison& other : of.compared) {
            rows.back().push_back(number_cell(fmt::format("{:.5g}", other.contents[bin])));
        }
    }
    std::vector<std::string> header{of.column, "simulation", "unfolded", "error"};
    for (const UnfoldComparison& other : of.compared) header.push_back(other.sample);
    return details_html("Bins of " + of.column, table_html("", header, rows));
}

}  // namespace

std::string unfolding_section(const ReportInputs& inputs, const Plotter& plotter) {
    if (!inputs.unfolding) return {};
    const UnfoldRecord& record = *inputs.unfolding;
    std::string body = paragraph_html(fmt::format(
        "Unfolded are {:.6g} events; the simulation generated {:.6g}. {} iterations, {} members, "
        "{} replicas of the data and {} of the simulation; misses \"{}\", fakes \"{}\".",
        record.yield, record.generated, record.iterations, record.members, record.replicas_data,
        record.replicas_mc, record.misses, record.fakes));
    for (const UnfoldedObservable& of : record.observables) {
        const std::string label = label_of(inputs.labels.features, of.column);
        const auto name = [&](const char* what) {
            return fmt::format("unfolding_{}_{}", of.column, what);
        };
        Figures figures(plotter, "unfolding_" + of.column);
        const bool open = std::isinf(of.edges.front()) || std::isinf(of.edges.back());
        figures.add(name("truth"), truth_plot(of, label),
                    "Unfolded " + of.column + (open ? "; an outer bin has no end" : ""));
        if (!of.data.empty() && !of.iterations.empty()) {
            figures.add(name("reco"), reco_plot(of, label_of(inputs.labels.features, of.reco)),
                        "Measured " + of.reco + ", before and after the simulation was weighted");
        }
        figures.add(name("iterations"), iterations_plot(of, label), "Iterations of " + of.column);
        if (!of.total.empty()) {
            figures.add(name("sources"), sources_plot(of, label), "Errors by source");
            if (of.total.size() > 1 && of.total.size() <= most_bins) {
                figures.add(name("correlation"), bins_correlation_plot(of),
                            "Correlation of the bins in %, all sources");
            }
        }
        body += figures.html() + bins_table(of);
    }
    Figures progress(plotter, "unfolding_progress", "small");
    add_progress(record, progress);
    if (record.ln_nu) {
        progress.add("unfolding_ln_nu", nu_plot(*record.ln_nu),
                     "Weights after the last iteration; the outer bins hold what is beyond");
    }
    return section_html("unfolding", "Unfolding",
                        body + progress.html() + progress_table(record) + chi2_table(record));
}

}  // namespace ratiofarm
