// What an unfolding found, and how it went.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "html.hpp"
#include "report_sections.hpp"

namespace ratiofarm {
namespace {

constexpr std::array others{Colour::green, Colour::purple, Colour::orange, Colour::sky,
                            Colour::vermillion};

/// Open ends are as wide as the bins beside them.
std::vector<double> drawn_edges(std::vector<double> edges) {
    const std::size_t last = edges.size() - 1;
    const bool from_below = std::isinf(edges.front()), to_above = std::isinf(edges.back());
    const std::size_t finite = edges.size() - (from_below ? 1 : 0) - (to_above ? 1 : 0);
    if (finite == 0) return {0.0, 1.0};
    const double width = finite == 1 ? 1.0 : 0.0;
    if (from_below) {
        edges.front() = edges[1] - (width > 0.0 ? width : edges[2] - edges[1]);
    }
    if (to_above) {
        edges.back() = edges[last - 1] + (width > 0.0 ? width : edges[last - 1] - edges[last - 2]);
    }
    return edges;
}

std::vector<double> quotient(const std::vector<double>& a, const std::vector<double>& b) {
    std::vector<double> ratio;
    for (std::size_t i = 0; i < a.size(); ++i) ratio.push_back(a[i] / b[i]);  // NaN is a gap
    return ratio;
}

/// Points with errors in the middle of bins.
Curve bin_points(const std::vector<double>& edges,
                 const std::vector<double>& values,
                 const std::vector<double>& errors,
                 std::string label) {
    Curve points{.label = std::move(label), .mark = Mark::points, .colour = Colour::black};
    for (std::size_t bin = 0; bin < values.size(); ++bin) {
        const double error = std::isfinite(errors[bin]) ? errors[bin] : 0.0;
        points.x.push_back(0.5 * (edges[bin] + edges[bin + 1]));
        points.y.push_back(values[bin]);
        points.low.push_back(values[bin] - error);
        points.high.push_back(values[bin] + error);
    }
    return points;
}

/// A histogram beside what is compared with it.
struct Beside {
    std::string label;
    std::vector<double> values;
    Colour colour;
};

/// Half width of an axis around 1 that shows the ratios, but no more than a factor of two.
double half_width_of(const std::vector<Curve>& curves) {
    double widest = 0.0;
    for (const Curve& curve : curves) {
        for (const auto* values : {&curve.y, &curve.low, &curve.high}) {
            for (const double value : *values) {
                if (std::isfinite(value)) widest = std::max(widest, std::abs(value - 1.0));
            }
        }
    }
    for (const double step : {0.02, 0.04, 0.1, 0.2, 0.4}) {
        if (step >= widest) return step;
    }
    return 1.0;
}

/// Points with errors, histograms beside them, and below both over the points.
Plot compared_plot(const std::vector<double>& bin_edges,
                   const std::vector<double>& values,
                   const std::vector<double>& errors,
                   const std::string& label,
                   const std::vector<Beside>& beside,
                   const std::string& x_label) {
    const std::vector<double> edges = drawn_edges(bin_edges);
    Panel main{.y = {.label = "events in a bin", .low = 0.0}, .curves = {}, .levels = {}};
    Panel ratio{.y = {.label = "over " + label}, .curves = {}, .levels = {1.0}};
    double highest = 0.0;
    for (const Beside& other : beside) {
        main.curves.push_back(outline(edges, other.values, other.label, other.colour));
        ratio.curves.push_back(outline(edges, quotient(other.values, values), "", other.colour));
        for (const double value : other.values) highest = std::max(highest, value);
    }
    main.curves.push_back(bin_points(edges, values, errors, label));
    for (const double value : main.curves.back().high) highest = std::max(highest, value);
    ratio.curves.push_back(
        bin_points(edges, std::vector<double>(values.size(), 1.0), quotient(errors, values), ""));
    main.y.high = 1.1 * highest;
    const double width = half_width_of(ratio.curves);
    ratio.y.low = 1.0 - width;
    ratio.y.high = 1.0 + width;
    return {.x = {.label = x_label, .low = edges.front(), .high = edges.back()},
            .panels = {std::move(main), std::move(ratio)}};
}

Plot truth_plot(const UnfoldedObservable& of, const std::string& label) {
    std::vector<Beside> beside{{"simulation", of.prior, Colour::grey}};
    for (std::size_t i = 0; i < of.compared.size(); ++i) {
        beside.push_back(
            {of.compared[i].sample, of.compared[i].contents, others[i % others.size()]});
    }
    return compared_plot(of.edges, of.unfolded, of.error, "unfolded", beside, label);
}

Plot reco_plot(const UnfoldedObservable& of, const std::string& label) {
    return compared_plot(of.edges, of.data, of.data_error, "data",
                         {{"simulation", of.simulation, Colour::grey},
                          {"simulation x nu", of.iterations.back().refolded, Colour::blue}},
                         label);
}

/// Each iteration over the last one, with its errors.
Plot iterations_plot(const UnfoldedObservable& of, const std::string& label) {
    const std::vector<double> edges = drawn_edges(of.edges);
    Panel panel{.y = {.label = "over the last iteration"}, .curves = {}, .levels = {1.0}};
    const std::vector<double> relative = quotient(of.error, of.unfolded);
    std::vector<double> low, high;
    for (const double error : relative) {
        low.push_back(1.0 - error);
        high.push_back(1.0 + error);
    }
    panel.curves.push_back(outline_band(edges, low, high, "error", Colour::grey));
    Curve prior = outline(edges, quotient(of.prior, of.unfolded), "simulation", Colour::black);
    prior.mark = Mark::dashes;
    panel.curves.push_back(std::move(prior));
    // A few have a colour each; many go from light to dark.
    constexpr std::array few{Colour::orange, Colour::green, Colour::blue, Colour::purple};
    const std::size_t before = of.iterations.size() - 1;
    for (std::size_t n = 0; n < before; ++n) {
        const bool is_named = before <= few.size() || n == 0 || n + 1 == before;
        const Colour colour = before <= few.size() ? few[n] : n == 0 ? few[0] : Colour::blue;
        Curve curve = outline(edges, quotient(of.iterations[n].contents, of.unfolded),
                              is_named ? fmt::format("iteration {}", n + 1) : "", colour);
        if (before > few.size()) {
            curve.strength = 0.4 + 0.6 * static_cast<double>(n) / static_cast<double>(before);
        }
        panel.curves.push_back(std::move(curve));
    }
    const double width = half_width_of(panel.curves);
    panel.y.low = 1.0 - width;
    panel.y.high = 1.0 + width;
    return {.x = {.label = label, .low = edges.front(), .high = edges.back()}, .panels = {panel}};
}

Plot sources_plot(const UnfoldedObservable& of, const std::string& label) {
    const std::vector<double> edges = drawn_edges(of.edges);
    Panel panel{.y = {.label = "error [%]", .low = 0.0}, .curves = {}, .levels = {}};
    const auto add = [&](const std::string& name, const std::vector<std::vector<double>>& rows,
                         Colour colour) {
        std::vector<double> percent;
        for (std::size_t bin = 0; bin < rows.size(); ++bin) {
            percent.push_back(100.0 * std::sqrt(std::max(rows[bin][bin], 0.0)) /
                              std::abs(of.unfolded[bin]));
        }
        panel.curves.push_back(outline(edges, percent, name, colour));
    };
    for (std::size_t i = 0; i < of.covariances.size(); ++i) {
        add(of.covariances[i].source, of.covariances[i].rows,
            i == 0 ? Colour::blue : others[i % others.size()]);
    }
    add("total", of.total, Colour::black);
    double highest = 0.0;
    for (const double value : panel.curves.back().y) {
        if (std::isfinite(value)) highest = std::max(highest, value);
    }
    panel.y.high = 1.1 * highest;
    return {.x = {.label = label, .low = edges.front(), .high = edges.back()}, .panels = {panel}};
}

std::string bin_text(const UnfoldedObservable& of, std::size_t bin) {
    if (std::isinf(of.edges[bin])) return fmt::format("< {:g}", of.edges[bin + 1]);
    if (std::isinf(of.edges[bin + 1])) return fmt::format(">= {:g}", of.edges[bin]);
    return fmt::format("{:g} to {:g}", of.edges[bin], of.edges[bin + 1]);
}

constexpr std::size_t most_bins = 30;  // of a matrix with numbers

Plot bins_correlation_plot(const UnfoldedObservable& of) {
    Panel panel{.y = {}, .curves = {}, .levels = {}};
    Curve cells{.mark = Mark::cells};
    const std::size_t bins = of.total.size();
    for (std::size_t i = 0; i < bins; ++i) {
        panel.rows.push_back(fmt::format("{}  {}", bin_text(of, i), i + 1));
        panel.columns.push_back(fmt::format("{}", i + 1));
        for (std::size_t j = 0; j <= i; ++j) {
            const double scale = std::sqrt(of.total[i][i] * of.total[j][j]);
            cells.x.push_back(static_cast<double>(j + 1));
            cells.y.push_back(static_cast<double>(i + 1));
            cells.value.push_back(scale > 0.0 ? std::clamp(of.total[i][j] / scale, -1.0, 1.0)
                                              : 0.0);
        }
    }
    Curve numbers{.mark = Mark::numbers,
                  .colour = Colour::black,
                  .x = cells.x,
                  .y = cells.y,
                  .value = cells.value};
    for (double& value : numbers.value) value *= 100.0;
    panel.x = Axis{.label = "", .low = 0.5, .high = static_cast<double>(bins) + 0.5};
    panel.curves = {std::move(cells), std::move(numbers)};
    return {.x = {},
            .panels = {std::move(panel)},
            .arrangement = Arrangement::beside,
            .height = 80 + 22 * static_cast<int>(bins)};
}

/// A number of each iteration of each observable. \param levels  worth a line
template <class Value>
Plot progress_of(const UnfoldRecord& record, Axis y, std::vector<double> levels, Value value) {
    Panel panel{.y = std::move(y), .curves = {}, .levels = std::move(levels)};
    for (std::size_t i = 0; i < record.observables.size(); ++i) {
        const UnfoldedObservable& of = record.observables[i];
        Curve line{.label = of.column,
                   .mark = Mark::line,
                   .colour = i == 0 ? Colour::blue : others[(i - 1) % others.size()]};
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
        progress_of(record, {.label = "distance [column]", .logarithmic = true}, {},
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

Plot nu_plot(const NuDistribution& ln_nu) {
    Panel panel{.y = {.label = "share of the weight [%]", .low = 0.0}, .curves = {}, .levels = {}};
    std::vector<double> percent = ln_nu.shares;
    for (double& share : percent) share *= 100.0;
    panel.curves.push_back(outline(ln_nu.edges, percent, "", Colour::blue));
    return {.x = {.label = "ln nu", .low = ln_nu.edges.front(), .high = ln_nu.edges.back()},
            .panels = {std::move(panel)}};
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

std::string chi2_table(const UnfoldRecord& record) {
    std::vector<std::vector<Cell>> rows;
    const auto add = [&](const UnfoldedObservable& of, const std::string& what,
                         const ChiSquare& chi2) {
        rows.push_back({text_cell(of.column), text_cell(what), number_cell(chi2_text(chi2))});
    };
    for (const UnfoldedObservable& of : record.observables) {
        if (of.bottom_line) {
            add(of, "data and simulation, measured", of.bottom_line->reco);
            add(of, "data and simulation, unfolded (at most the one before)",
                of.bottom_line->truth);
        }
        for (const UnfoldComparison& other : of.compared) {
            if (other.chi2) add(of, "unfolded and " + other.sample, *other.chi2);
        }
        if (of.iterations.empty() || !of.iterations.back().refolding_chi2) continue;
        add(of, "data and weighted simulation, measured", *of.iterations.back().refolding_chi2);
    }
    if (rows.empty()) return {};
    return table_html("Chi2 / degrees of freedom", {"observable", "between", "chi2"}, rows);
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
