#include "unfolding_plots.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "matrix_plot.hpp"

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
    for (const double step : {0.02, 0.04, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8}) {
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

}  // namespace

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

Plot bins_correlation_plot(const UnfoldedObservable& of) {
    std::vector<std::string> names;
    std::vector<std::vector<double>> values;
    for (std::size_t i = 0; i < of.total.size(); ++i) {
        names.push_back(bin_text(of, i));
        std::vector<double>& row = values.emplace_back();
        for (std::size_t j = 0; j < of.total.size(); ++j) {
            const double scale = std::sqrt(of.total[i][i] * of.total[j][j]);
            row.push_back(scale > 0.0 ? of.total[i][j] / scale : 0.0);
        }
    }
    return matrix_plot(names, values);
}

Plot nu_plot(const NuDistribution& ln_nu) {
    Panel panel{.y = {.label = "share of the weight [%]", .low = 0.0}, .curves = {}, .levels = {}};
    std::vector<double> percent = ln_nu.shares;
    for (double& share : percent) share *= 100.0;
    panel.curves.push_back(outline(ln_nu.edges, percent, "", Colour::blue));
    return {.x = {.label = "ln nu", .low = ln_nu.edges.front(), .high = ln_nu.edges.back()},
            .panels = {std::move(panel)}};
}

}  // namespace ratiofarm
