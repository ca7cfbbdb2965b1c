#include "spectrum_plots.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace ratiofarm {
namespace {

constexpr std::array fills{Colour::sky,    Colour::orange, Colour::green,
                           Colour::purple, Colour::grey,   Colour::vermillion};

Curve points_at(const std::vector<double>& edges, std::string label) {
    Curve points{.label = std::move(label), .mark = Mark::points, .colour = Colour::black};
    for (std::size_t b = 0; b + 1 < edges.size(); ++b) {
        points.x.push_back(0.5 * (edges[b] + edges[b + 1]));
    }
    return points;
}

std::vector<double> plus(const std::vector<double>& a, const std::vector<double>& b, double sign) {
    std::vector<double> sum;
    for (std::size_t i = 0; i < a.size(); ++i) sum.push_back(a[i] + sign * b[i]);
    return sum;
}

std::vector<double> over(const std::vector<double>& a, const std::vector<double>& b) {
    std::vector<double> ratio;
    for (std::size_t i = 0; i < a.size(); ++i) ratio.push_back(a[i] / b[i]);  // NaN is a gap
    return ratio;
}

/// The processes, one on the other, or as lines where a part is negative.
void add_processes(const Spectrum& spectrum, const std::vector<double>& edges, Panel& panel) {
    const auto& parts = spectrum.after.parts;
    const bool stacked = std::ranges::all_of(parts, [](const auto& part) {
        return std::ranges::all_of(part, [](double value) { return value >= 0.0; });
    });
    // An axis that is logarithmic has no place for 0.
    const double floor = panel.y.logarithmic ? *panel.y.low : 0.0;
    std::vector<double> below(spectrum.data.size(), 0.0);
    for (std::size_t j = 0; j < parts.size(); ++j) {
        const Colour colour = fills[j % fills.size()];
        if (std::ranges::all_of(parts[j], [](double value) { return value == 0.0; })) continue;
        if (stacked) {
            const auto above = plus(below, parts[j], 1.0);
            const auto from = [&](std::vector<double> ends) {
                for (double& end : ends) end = std::max(end, floor);
                return ends;
            };
            panel.curves.push_back(
                outline_band(edges, from(below), from(above), spectrum.processes[j], colour));
            panel.curves.back().mark = Mark::fill;
            below = above;
        } else {
            panel.curves.push_back(outline(edges, parts[j], spectrum.processes[j], colour));
        }
    }
}

/// From 0, or from below it for processes that are negative; logarithmic over more than three
/// decades, or where few bins hold nearly all.
Axis events_axis(const Spectrum& spectrum) {
    double highest = 0.0;
    double lowest = std::numeric_limits<double>::infinity();
    double below = 0.0;
    for (std::size_t b = 0; b < spectrum.data.size(); ++b) {
        highest =
            std::max({highest, spectrum.data[b] + std::sqrt(std::max(spectrum.data[b], 0.0)),
                      spectrum.after.total[b] + spectrum.after.error[b], spectrum.before.total[b]});
        if (spectrum.after.total[b] > 0.0) lowest = std::min(lowest, spectrum.after.total[b]);
    }
    for (const auto& part : spectrum.after.parts) {
        for (const double value : part) {
            below = std::min(below, value);
            highest = std::max(highest, value);
        }
    }
    std::vector<double> contents = spectrum.after.total;
    const auto middle = contents.begin() + static_cast<std::ptrdiff_t>(contents.size() / 2);
    std::nth_element(contents.begin(), middle, contents.end());
    const bool peaked = *middle > 0.0 && highest > 25.0 * *middle;
    if (below == 0.0 && std::isfinite(lowest) && (peaked || highest > 1000.0 * lowest)) {
        return {.label = "events in a bin",
                .low = 0.3 * lowest,
                .high = highest * std::pow(highest / lowest, 0.1),
                .logarithmic = true};
    }
    return {.label = "events in a bin",
            .low = 1.1 * below,
            .high = highest > 0.0 ? 1.1 * highest : 1.0};
}

/// Half width of an axis around 1 that shows a share of some ratios, or more.
double ratio_reach(std::vector<double> ratios, double share) {
    std::erase_if(ratios, [](double ratio) { return !std::isfinite(ratio); });
    for (double& ratio : ratios) ratio = std::abs(ratio - 1.0);
    std::ranges::sort(ratios);
    const auto last = static_cast<std::size_t>(share * static_cast<double>(ratios.size()));
    const double wanted = ratios.empty() ? 0.0 : ratios[std::min(last, ratios.size() - 1)];
    for (const double step : {0.02, 0.04, 0.1, 0.2, 0.4}) {
        if (step >= 1.05 * wanted) return step;
    }
    return 0.8;
}

Panel ratio_panel(const Spectrum& spectrum, const std::vector<double>& edges) {
    const auto& fit = spectrum.after.total;
    Curve data = points_at(edges, "");
    data.y = over(spectrum.data, fit);
    std::vector<double> reach = data.y;
    for (std::size_t b = 0; b < fit.size(); ++b) {
        const double error = std::sqrt(std::max(spectrum.data[b], 0.0)) / fit[b];
        data.low.push_back(data.y[b] - error);
        data.high.push_back(data.y[b] + error);
        reach.push_back(data.high.back());
    }
    const auto band = [&](const Expectation& of, Colour colour) {
        return outline_band(edges, over(plus(of.total, of.error, -1.0), fit),
                            over(plus(of.total, of.error, 1.0), fit), "", colour);
    };
    Curve before = outline(edges, over(spectrum.before.total, fit), "", Colour::vermillion);
    before.mark = Mark::dashes;
    const double width = ratio_reach(reach, 0.9);  // data of few events lie anywhere
    Panel panel{.y = {.label = "ratio to fit", .low = 1.0 - width, .high = 1.0 + width},
                .curves = {},
                .levels = {1.0}};
    panel.curves = {band(spectrum.before, Colour::vermillion), band(spectrum.after, Colour::blue),
                    before, data};
    return panel;
}

Panel pull_panel(const Spectrum& spectrum, const std::vector<double>& edges) {
    Curve pulls = points_at(edges, "");
    double reach = 2.0;
    for (std::size_t b = 0; b < spectrum.data.size(); ++b) {
        const double fit = spectrum.after.total[b];
        const double pull = (spectrum.data[b] - fit) / std::sqrt(fit);
        pulls.y.push_back(pull);
        if (std::isfinite(pull)) reach = std::max(reach, 2.0 * std::ceil(0.5 * std::abs(pull)));
    }
    Panel panel{.y = {.label = "pull", .low = -reach, .high = reach},
                .curves = {},
                .levels = {-1.0, 0.0, 1.0}};
    panel.curves = {pulls};
    return panel;
}

}  // namespace

std::vector<double> drawn_edges(const Spectrum& spectrum) {
    const std::size_t bins = spectrum.data.size();
    std::vector<double> edges = spectrum.edges;
    const std::size_t n = edges.size();
    std::vector<double> numbered;
    for (std::size_t b = 0; b <= bins; ++b) numbered.push_back(static_cast<double>(b) + 0.5);
    if (n != bins + 1) return numbered;
    const bool open_low = !std::isfinite(edges[0]);
    const bool open_high = !std::isfinite(edges[n - 1]);
    if ((open_low && open_high && n < 4) || n < 3) return open_low || open_high ? numbered : edges;
    if (open_low) edges[0] = 2.0 * edges[1] - edges[2];
    if (open_high) edges[n - 1] = 2.0 * edges[n - 2] - edges[n - 3];
    return edges;
}

std::string name_of(const Spectrum& spectrum) {
    const bool optimal = spectrum.observable.starts_with("d ln D");
    return spectrum.region + '_' +
           (optimal                       ? "optimal"
            : spectrum.observable.empty() ? "bins"
                                          : spectrum.observable);
}

Plot spectrum_plot(const Spectrum& spectrum, std::string_view label) {
    const std::vector<double> edges = drawn_edges(spectrum);
    Panel main{.y = events_axis(spectrum), .curves = {}, .levels = {}};
    if (*main.y.low < 0.0) main.levels = {0.0};
    add_processes(spectrum, edges, main);
    const auto& after = spectrum.after;
    main.curves.push_back(outline_band(edges, plus(after.total, after.error, -1.0),
                                       plus(after.total, after.error, 1.0), "", Colour::blue));
    main.curves.push_back(outline(edges, after.total, "fit", Colour::blue));
    main.curves.push_back(
        outline(edges, spectrum.before.total, "before the fit", Colour::vermillion));
    main.curves.back().mark = Mark::dashes;
    Curve data = points_at(edges, spectrum.observed ? "data" : "Asimov data");
    for (const double value : spectrum.data) {
        const double error = std::sqrt(std::max(value, 0.0));
        data.y.push_back(value);
        // An axis that is logarithmic has no place for 0.
        data.low.push_back(main.y.logarithmic ? std::max(value - error, *main.y.low)
                                              : value - error);
        data.high.push_back(value + error);
        if (main.y.logarithmic && value == 0.0) data.y.back() = data.low.back() = std::nan("");
    }
    main.curves.push_back(std::move(data));
    return {.x = {.label = std::string(label), .low = edges.front(), .high = edges.back()},
            .panels = {std::move(main), ratio_panel(spectrum, edges), pull_panel(spectrum, edges)},
            .height = 470};
}

Plot variation_plot(const Spectrum& spectrum,
                    const Spectrum::Variation& variation,
                    std::string_view label) {
    const std::vector<double> edges = drawn_edges(spectrum);
    const auto& total = spectrum.before.total;
    Axis axis = events_axis(spectrum);
    if (!axis.logarithmic) axis.low = 0.0;  // the total is not negative where its parts are
    Panel main{.y = std::move(axis), .curves = {}, .levels = {}};
    const auto line = [&](const std::vector<double>& y, std::string name, Colour colour,
                          Mark mark = Mark::line) {
        Curve curve = outline(edges, y, std::move(name), colour);
        curve.mark = mark;
        return curve;
    };
    const std::string& name = variation.parameter;
    main.curves = {line(total, "before the fit", Colour::black),
                   line(variation.up, name + " up", Colour::vermillion),
                   line(variation.down, name + " down", Colour::blue, Mark::dashes)};
    const auto up = over(variation.up, total);
    const auto down = over(variation.down, total);
    std::vector<double> reach = up;
    reach.insert(reach.end(), down.begin(), down.end());
    const double width = ratio_reach(reach, 1.0);
    Panel ratio{.y = {.label = "ratio", .low = 1.0 - width, .high = 1.0 + width},
                .curves = {},
                .levels = {1.0}};
    ratio.curves = {line(up, "", Colour::vermillion), line(down, "", Colour::blue, Mark::dashes)};
    return {.x = {.label = std::string(label), .low = edges.front(), .high = edges.back()},
            .panels = {std::move(main), std::move(ratio)}};
}

double visibility(const Spectrum& spectrum, const Spectrum::Variation& variation) {
    double sum = 0.0;
    for (std::size_t b = 0; b < spectrum.data.size(); ++b) {
        const double total = spectrum.before.total[b];
        const double half = 0.5 * (variation.up[b] - variation.down[b]);
        if (total > 0.0) sum += half * half / total;
    }
    return sum;
}

}  // namespace ratiofarm
