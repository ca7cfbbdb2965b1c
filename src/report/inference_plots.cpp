#include "inference_plots.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "ratiofarm/fit/scan.hpp"

#include "matrix_plot.hpp"

namespace ratiofarm {
namespace {

constexpr int around = 130;  // height of everything beside the rows

/// Where the parameter of interest goes with a parameter moved down and up.
struct TwoSides {
    double down = 0.0;
    double up = 0.0;
};

TwoSides impact_after(const Impact& impact) {
    return {impact.refit_down.value_or(-impact.refit_shift),
            impact.refit_up.value_or(impact.refit_shift)};
}

/// Rows from zero to one side of every impact.
Curve sides(const std::vector<TwoSides>& all, bool up, Curve curve) {
    for (std::size_t k = 0; k < all.size(); ++k) {
        const double value = up ? all[k].up : all[k].down;
        curve.x.push_back(value);
        curve.y.push_back(static_cast<double>(k + 1));
        curve.low.push_back(std::min(value, 0.0));
        curve.high.push_back(std::max(value, 0.0));
    }
    return curve;
}

Panel impact_panel(const std::vector<TwoSides>& before,
                   const std::vector<TwoSides>& after,
                   double reach,
                   const std::string& poi) {
    Panel panel{.y = {}, .curves = {}, .levels = {}};
    panel.x = Axis{.label = "impact on " + poi, .low = -reach, .high = reach};
    panel.marks = {0.0};
    panel.curves = {
        sides(after, true, {.label = "up", .mark = Mark::bars, .colour = Colour::vermillion}),
        sides(after, false, {.label = "down", .mark = Mark::bars, .colour = Colour::sky}),
        sides(before, true, {.label = "pre-fit", .mark = Mark::frames, .colour = Colour::black}),
        sides(before, false, {.mark = Mark::frames, .colour = Colour::black})};
    return panel;
}

Panel pulls_panel(const FitResult& fit, const std::vector<Impact>& shown) {
    Curve pulls{.mark = Mark::across_points, .colour = Colour::black};
    double reach = 2.2;
    for (std::size_t k = 0; k < shown.size(); ++k) {
        const FittedParameter* parameter = find_fitted(fit, shown[k].parameter);
        if (parameter == nullptr || !parameter->pull) continue;
        const double error = parameter->constraint.value_or(0.0);
        pulls.x.push_back(*parameter->pull);
        pulls.y.push_back(static_cast<double>(k + 1));
        pulls.low.push_back(*parameter->pull - error);
        pulls.high.push_back(*parameter->pull + error);
        reach = std::max(reach, std::abs(*parameter->pull) + error + 0.1);
    }
    if (pulls.x.empty()) {  // gnuplot draws no axes without a point
        pulls.x = pulls.y = pulls.low = pulls.high = {-10.0 * reach};
    }
    Panel panel{.y = {}, .curves = {pulls}, .levels = {}};
    panel.x = Axis{.label = "pull and constraint", .low = -reach, .high = reach};
    panel.marks = {-1.0, 0.0, 1.0};
    return panel;
}

}  // namespace

Plot ranking_plot(const FitResult& fit, std::size_t first, std::size_t n) {
    const auto all = ranked(fit.impacts, ImpactDefinition::refit_shift);
    std::vector<TwoSides> before, after;
    double reach = 0.0;
    for (const Impact& impact : all) {
        const TwoSides moved = impact_after(impact);
        const FittedParameter* parameter = find_fitted(fit, impact.parameter);
        const double constraint = parameter == nullptr ? 0.0 : parameter->constraint.value_or(0.0);
        const double scale = constraint > 0.0 ? 1.0 / constraint : std::nan("");
        after.push_back(moved);
        before.push_back({scale * moved.down, scale * moved.up});
        for (const TwoSides& each : {after.back(), before.back()}) {
            for (const double value : {each.up, each.down}) {
                if (std::isfinite(value)) reach = std::max(reach, 1.1 * std::abs(value));
            }
        }
    }
    const auto part = [&](const auto& list) {
        const auto from = list.begin() + static_cast<std::ptrdiff_t>(first);
        const auto rest = static_cast<std::size_t>(list.end() - from);
        return std::vector(from, from + static_cast<std::ptrdiff_t>(std::min(n, rest)));
    };
    const std::vector<Impact> shown = part(all);
    std::vector<std::string> names;
    for (const Impact& impact : shown) {
        const bool linear = !impact.not_linear || impact.refit_up;
        names.push_back(impact.parameter + (linear ? "" : " *"));
    }
    Panel left = impact_panel(part(before), part(after), reach > 0.0 ? reach : 1.0, fit.poi);
    Panel right = pulls_panel(fit, shown);
    left.rows = right.rows = names;
    return {.x = {},
            .panels = {std::move(left), std::move(right)},
            .arrangement = Arrangement::beside,
            .height = around + 15 * static_cast<int>(shown.size())};
}

namespace {

/// Where t of a Gaussian likelihood is a level.
Curve ellipse(const FitResult& fit, std::size_t a, std::size_t b, double level) {
    constexpr int points = 120;
    const double rho = fit.correlation[a][b];
    Curve curve;
    for (int i = 0; i <= points; ++i) {
        const double angle = 2.0 * std::numbers::pi * i / points;
        const double along = std::sqrt(level) * std::cos(angle);
        const double beside = std::sqrt(level) * std::sin(angle);
        curve.x.push_back(fit.parameters[a].value + fit.parameters[a].error * along);
        curve.y.push_back(fit.parameters[b].value +
                          fit.parameters[b].error *
                              (rho * along + std::sqrt(1.0 - rho * rho) * beside));
    }
    return curve;
}

/// Closed; a gap where a point was not found.
Curve closed_line(const Contour& contour) {
    Curve curve;
    for (std::size_t i = 0; i <= contour.points.size(); ++i) {
        const Contour::Point& point = contour.points[i % contour.points.size()];
        curve.x.push_back(point.x);
        curve.y.push_back(point.converged ? point.y : std::nan(""));
    }
    return curve;
}

/// The contour of two parameters that was profiled at a level, or null.
const Contour* profiled_contour(const FitResult& fit,
                                const std::string& first,
                                const std::string& second,
                                double level) {
    const auto found = std::ranges::find_if(fit.contours, [&](const Contour& contour) {
        return contour.first == first && contour.second == second &&
               std::abs(contour.level - level) < 1e-9 && !contour.points.empty();
    });
    return found == fit.contours.end() ? nullptr : &*found;
}

/// An axis with some space around all curves.
Axis around_curves(std::string label, const std::vector<Curve>& curves) {
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    for (const Curve& curve : curves) {
        for (const double y : curve.y) {
            low = std::fmin(low, y);
            high = std::fmax(high, y);
        }
    }
    const double space = 0.05 * (high - low);
    return {.label = std::move(label), .low = low - space, .high = high + space};
}

}  // namespace

Plot contour_plot(const FitResult& fit, const std::string& first, const std::string& second) {
    const auto index = [&](const std::string& name) {
        return static_cast<std::size_t>(find_fitted(fit, name) - fit.parameters.data());
    };
    const std::size_t a = index(first);
    const std::size_t b = index(second);
    Panel panel;
    const auto add = [&](double share, const std::string& name, Mark mark, Colour colour) {
        const double level = contour_level(share);
        Curve gaussian = ellipse(fit, a, b, level);
        gaussian.mark = mark;
        gaussian.colour = colour;
        gaussian.label = name + ", ellipse";
        if (const Contour* contour = profiled_contour(fit, first, second, level)) {
            gaussian.label.clear();
            gaussian.strength = 0.3;
            Curve line = closed_line(*contour);
            line.mark = mark;
            line.colour = colour;
            line.label = name;
            panel.curves.push_back(std::move(line));
        }
        panel.curves.push_back(std::move(gaussian));
    };
    add(0.95, "95 %", Mark::dashes, Colour::vermillion);
    add(0.6827, "68.27 %", Mark::line, Colour::blue);
    panel.y = around_curves(second, panel.curves);
    panel.curves.push_back({.mark = Mark::points,
                            .colour = Colour::black,
                            .x = {fit.parameters[a].value},
                            .y = {fit.parameters[b].value}});
    return {.x = {.label = first}, .panels = {std::move(panel)}};
}

namespace {

std::vector<double> edges_of(const ToyHistogram& histogram) {
    const std::size_t bins = histogram.counts.size();
    std::vector<double> edges;
    for (std::size_t i = 0; i <= bins; ++i) {
        edges.push_back(histogram.low + (histogram.high - histogram.low) * static_cast<double>(i) /
                                            static_cast<double>(bins));
    }
    return edges;
}

/// Wider bins for few toys.
ToyHistogram coarser(const ToyHistogram& histogram, double toys) {
    constexpr double few = 1000.0;
    const std::size_t bins = histogram.counts.size() / 2;
    if (toys >= few || 2 * bins != histogram.counts.size()) return histogram;
    ToyHistogram wide{histogram.low, histogram.high, std::vector<std::uint64_t>(bins)};
    for (std::size_t b = 0; b < 2 * bins; ++b) wide.counts[b / 2] += histogram.counts[b];
    return wide;
}

/// Counts with sqrt(n), and what a distribution expects of as many toys; the outer bins hold all
/// beyond. \param below  its cumulative distribution
Panel toys_panel(ToyHistogram histogram, std::string law, const auto& below) {
    double toys = 0.0;
    for (const std::uint64_t count : histogram.counts) toys += static_cast<double>(count);
    histogram = coarser(histogram, toys);
    const std::vector<double> edges = edges_of(histogram);
    const std::size_t bins = histogram.counts.size();
    std::vector<double> expected(bins);
    Curve points{.label = "toys", .mark = Mark::points, .colour = Colour::black};
    for (std::size_t b = 0; b < bins; ++b) {
        const double from = b == 0 ? 0.0 : below(edges[b]);
        const double to = b + 1 == bins ? 1.0 : below(edges[b + 1]);
        expected[b] = toys * (to - from);
        const auto n = static_cast<double>(histogram.counts[b]);
        points.x.push_back(0.5 * (edges[b] + edges[b + 1]));
        points.y.push_back(n > 0.0 ? n : std::nan(""));
        points.low.push_back(n - std::sqrt(n));
        points.high.push_back(n + std::sqrt(n));
    }
    Panel panel{.y = {.label = "toys"}, .curves = {}, .levels = {}};
    if (!law.empty()) panel.curves = {outline(edges, expected, std::move(law), Colour::vermillion)};
    panel.curves.push_back(std::move(points));
    return panel;
}

/// Of a statistic that follows chi2 with one degree of freedom, or half of it where the others are
/// at zero; empty if neither.
std::string law_of(const std::string& statistic) {
    if (statistic == "t") return "chi2, 1 degree of freedom";
    return statistic == "q0" || statistic == "q" ? "half of chi2, half at 0" : "";
}

}  // namespace

Plot pulls_plot(const ToyParameter& parameter) {
    Panel panel = toys_panel(parameter.histogram, "normal distribution",
                             [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); });
    panel.marks = {0.0};
    return {.x = {.label = "pull of " + parameter.name,
                  .low = parameter.histogram.low,
                  .high = parameter.histogram.high},
            .panels = {std::move(panel)}};
}

Plot statistic_plot(const ToyStatistic& statistic) {
    const std::string law = law_of(statistic.name);
    const double half = law.starts_with("half") ? 0.5 : 1.0;
    Panel panel = toys_panel(statistic.histogram, law, [&](double x) {
        return 1.0 - half + half * std::erf(std::sqrt(std::max(x, 0.0) / 2.0));
    });
    panel.y.logarithmic = true;
    panel.y.low = 0.5;
    if (statistic.observed > 0.0 && statistic.observed < statistic.histogram.high) {
        panel.marks.push_back(statistic.observed);
    }
    return {.x = {.label = statistic.name, .low = 0.0, .high = statistic.histogram.high},
            .panels = {std::move(panel)}};
}

Plot neyman_plot(const ToyResults& toys, std::size_t statistic) {
    constexpr std::array palette{Colour::sky, Colour::orange, Colour::green, Colour::purple};
    Panel panel{.y = {.label = toys.points.front().statistics[statistic].name, .low = 0.0},
                .curves = {},
                .levels = {}};
    Curve data{.label = "data", .colour = Colour::black};
    double highest = 0.0;
    const std::size_t levels = toys.points.front().statistics[statistic].thresholds.size();
    for (std::size_t k = 0; k < levels; ++k) {
        const double level = toys.points.front().statistics[statistic].thresholds[k].level;
        Curve belt{.label = fmt::format("{:g} % of the toys below", 100.0 * level),
                   .mark = Mark::points,
                   .colour = palette[k % palette.size()]};
        Curve line{.colour = belt.colour};
        for (const ToyPointResult& point : toys.points) {
            const Threshold& threshold = point.statistics[statistic].thresholds[k];
            belt.x.push_back(point.test);
            belt.y.push_back(threshold.value);
            belt.low.push_back(threshold.value - threshold.error);
            belt.high.push_back(threshold.value + threshold.error);
            if (std::isfinite(threshold.value)) highest = std::max(highest, threshold.value);
        }
        line.x = belt.x;
        line.y = belt.y;
        panel.curves.push_back(std::move(line));
        panel.curves.push_back(std::move(belt));
    }
    for (const ToyPointResult& point : toys.points) {
        data.x.push_back(point.test);
        data.y.push_back(point.statistics[statistic].observed);
    }
    panel.curves.push_back(std::move(data));
    panel.y.high = highest > 0.0 ? 1.5 * highest : 12.0;
    return {.x = {.label = toys.poi}, .panels = {std::move(panel)}};
}

CorrelationPlot correlation_plot(const FitResult& fit, std::size_t most) {
    std::vector<std::size_t> with_error;
    for (std::size_t a = 0; a < fit.parameters.size(); ++a) {
        if (fit.parameters[a].error > 0.0) with_error.push_back(a);
    }
    const auto strongest = [&](std::size_t a) {
        double largest = 0.0;
        for (const std::size_t b : with_error) {
            if (b != a) largest = std::max(largest, std::abs(fit.correlation[a][b]));
        }
        return fit.parameters[a].name == fit.poi ? 1.0 : largest;
    };
    CorrelationPlot result{.cut = 0.1, .all = with_error.size()};
    std::vector<std::size_t> shown;
    for (;; result.cut += 0.05) {
        shown.clear();
        for (const std::size_t a : with_error) {
            if (strongest(a) >= result.cut) shown.push_back(a);
        }
        if (shown.size() <= most || result.cut > 0.95) break;
    }
    result.shown = shown.size();
    std::vector<std::string> names;
    std::vector<std::vector<double>> values;
    for (const std::size_t a : shown) {
        names.push_back(fit.parameters[a].name);
        std::vector<double>& row = values.emplace_back();
        for (const std::size_t b : shown) row.push_back(fit.correlation[a][b]);
    }
    result.plot = matrix_plot(names, values);
    return result;
}

}  // namespace ratiofarm
