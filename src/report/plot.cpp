#include "plot.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "ratiofarm/core/contracts.hpp"

#include "gnuplot_curve.hpp"

namespace ratiofarm {
namespace {

// User units, which the page scales.
constexpr double width = 500.0;
constexpr double left = 78.0;  // margins
constexpr double right = 20.0;
constexpr double bottom = 54.0;
constexpr double bottom_of_matrix = 28.0;
constexpr double top = 14.0;
constexpr double low_panel = 84.0;   // height of the lower panels
constexpr double gap = 14.0;         // between panels
constexpr double legend_row = 21.5;  // as gnuplot sets one
constexpr double legend_gap = 5.0;   // to the frame, where the axis has half a number

/// Rows of the legend of a panel, which stands above it, where no curve can be.
std::size_t legend_rows(const Panel& panel, double panel_width) {
    constexpr double letter = 7.0;
    constexpr double sample = 44.0;  // of the line, and space
    std::size_t entries = 0;
    std::size_t longest = 0;
    for (const Curve& curve : panel.curves) {
        if (curve.label.empty()) continue;
        ++entries;
        longest = std::max(longest, curve.label.size());
    }
    if (entries == 0) return 0;
    const double each = letter * static_cast<double>(longest) + sample;
    const auto fit = static_cast<std::size_t>(std::max(1.0, std::floor(panel_width / each)));
    return (entries + fit - 1) / fit;
}

/// Space for it above stacked panels, by which the picture is higher than the plot.
double legend_height(const Plot& plot) {
    if (plot.arrangement != Arrangement::stacked) return 0.0;
    const std::size_t rows = legend_rows(plot.panels.front(), width - left - right);
    return rows == 0 ? 0.0 : legend_row * static_cast<double>(rows) + legend_gap;
}

std::string range(const char* axis, const Axis& settings) {
    const auto end = [](const std::optional<double>& value) {
        return value ? gnuplot_number(*value) : std::string("*");
    };
    std::string text =
        fmt::format("set {}range [{}:{}]\n", axis, end(settings.low), end(settings.high));
    text += settings.logarithmic ? fmt::format("set logscale {}\nset format {} '%g'\n", axis, axis)
                                 : fmt::format("unset logscale {}\n", axis);
    return text;
}

/// Where a panel lies, in user units from the lower left corner.
struct Place {
    double left, right, low, high;
};

std::string names_on(const char* axis,
                     const std::vector<std::string>& names,
                     double size,
                     const char* more) {
    std::string text = fmt::format("set {}tics (", axis);
    for (std::size_t i = 0; i < names.size(); ++i) {
        text += fmt::format("{}{} {}", i == 0 ? "" : ", ", gnuplot_quoted(names[i]), i + 1);
    }
    return text + fmt::format(") font ',{}' {}\n", size, more);
}

/// Values of a curve along the x axis.
void widen(const Curve& curve, double& low, double& high) {
    for (const double x : curve.x) {
        if (!std::isfinite(x)) continue;
        low = std::min(low, x);
        high = std::max(high, x);
    }
}

/// The common axis of stacked panels: each would choose its own otherwise.
Axis common_axis(const Plot& plot) {
    Axis axis = plot.x;
    if (plot.panels.size() < 2 || (axis.low && axis.high)) return axis;
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    for (const Panel& panel : plot.panels) {
        for (const Curve& curve : panel.curves) widen(curve, low, high);
    }
    if (!(low < high)) return axis;
    axis.low = axis.low.value_or(low);
    axis.high = axis.high.value_or(high);
    return axis;
}

/// Each panel's place.
std::vector<Place> places(const Plot& plot) {
    const double height = plot.height;
    const std::size_t n = plot.panels.size();
    std::vector<Place> all;
    if (plot.arrangement == Arrangement::stacked) {
        const auto below = static_cast<double>(n - 1);
        all.push_back({left, width - right, bottom + below * (low_panel + gap),
                       height - top - legend_height(plot)});
        for (double k = below - 1.0; k >= 0.0; k -= 1.0) {
            const double low = bottom + k * (low_panel + gap);
            all.push_back({left, width - right, low, low + low_panel});
        }
        return all;
    }
    std::size_t longest = 0;
    for (const std::string& name : plot.panels.front().rows) {
        longest = std::max(longest, name.size());
    }
    const double letter = 0.56 * plot.row_text;
    const double names = std::clamp(letter * static_cast<double>(longest) + 16.0, 40.0, 230.0);
    const double each = (width - names - right) / static_cast<double>(n) - gap;
    for (std::size_t k = 0; k < n; ++k) {
        const double from = names + static_cast<double>(k) * (each + 2.0 * gap);
        const bool has_legend = legend_rows(plot.panels.front(), each) > 0;
        const double legend = has_legend ? 4.0 * plot.row_text : 0.0;
        const double low = plot.panels.front().columns.empty() ? bottom : bottom_of_matrix;
        all.push_back({from, from + each, low, height - top - legend});
    }
    return all;
}

/// Distance of few tics: 1, 2 or 5 times a power of ten.
double tic_step(const Axis& axis) {
    const double wanted = (*axis.high - *axis.low) / 5.0;
    const double power = std::pow(10.0, std::floor(std::log10(wanted)));
    return power * (wanted <= 2.0 * power ? 2.0 : wanted <= 5.0 * power ? 5.0 : 10.0);
}

std::string rows_commands(const Panel& panel, bool first, double size) {
    std::string text =
        fmt::format("set yrange [{}:0.5]\n", static_cast<double>(panel.rows.size()) + 0.5);
    if (first) return text + names_on("y", panel.rows, size, "nomirror scale 0");
    return text + "unset ytics\n";
}

/// Where a panel lies, and its tics and labels.
std::string frame_commands(const Plot& plot, std::size_t index, const Place& place, double size) {
    const Panel& panel = plot.panels[index];
    const bool beside = plot.arrangement == Arrangement::beside;
    const bool lowest = beside || index + 1 == plot.panels.size();
    const double height = plot.height;
    const Axis x = panel.x ? *panel.x : common_axis(plot);
    std::string text =
        fmt::format("set lmargin at screen {}\nset rmargin at screen {}\n", place.left / width,
                    place.right / width) +
        fmt::format("set bmargin at screen {}\nset tmargin at screen {}\n", place.low / height,
                    place.high / height) +
        range("x", x) +
        (panel.rows.empty() ? range("y", panel.y) : rows_commands(panel, index == 0, size));
    // At a fixed place: a label beside the tics leaves the picture where their numbers are long.
    text += fmt::format("set label 1 {} at screen 0.03, screen {} rotate by 90 center\n",
                        gnuplot_quoted(beside ? std::string() : panel.y.label),
                        0.5 * (place.low + place.high) / height);
    if (!beside && index > 0 && panel.y.low && panel.y.high) {
        text += fmt::format("set ytics {}\n", (*panel.y.high - *panel.y.low) / 4.0);
    }
    if (beside && panel.columns.empty() && x.low && x.high) {
        text += fmt::format("set xtics {} font ',{}'\n", tic_step(x), size);
    }
    if (!panel.columns.empty()) {
        text += names_on("x", panel.columns, size, "rotate by 90 right nomirror scale 0");
    }
    if (!lowest) return text + "unset xlabel\nset format x ''\n";
    return text + fmt::format("set xlabel {} offset 0,0.6\n", gnuplot_quoted(x.label)) +
           (panel.columns.empty() ? "set format x '%g'\n" : "");
}

std::string legend_commands(const Panel& panel, const Place& place, const std::string& font) {
    const std::size_t rows = legend_rows(panel, place.right - place.left);
    if (rows == 0) return "unset key\n";
    return fmt::format(
        "set key at graph 0.5, graph {:.4f} center bottom vertical Left reverse maxrows {} samplen "
        "1.6 spacing 1.1 {}\n",
        1.0 + legend_gap / (place.high - place.low), rows, font);
}

/// Thin lines at the levels and marks of a panel.
std::string thin_lines(const Panel& panel) {
    std::string text = "unset arrow\n";
    const auto thin = [&](const std::string& from, const std::string& to) {
        text += fmt::format("set arrow from {} to {} nohead back lc rgb '#b4b8c0' lw 1 dt (4,3)\n",
                            from, to);
    };
    for (const double level : panel.levels) {
        thin("graph 0, first " + gnuplot_number(level), "graph 1, first " + gnuplot_number(level));
    }
    for (const double mark : panel.marks) {
        thin("first " + gnuplot_number(mark) + ", graph 0",
             "first " + gnuplot_number(mark) + ", graph 1");
    }
    return text;
}

/// Commands of one panel.
std::string panel_commands(const Plot& plot, std::size_t index, const Place& place, double size) {
    const Panel& panel = plot.panels[index];
    const bool beside = plot.arrangement == Arrangement::beside;
    std::string text =
        frame_commands(plot, index, place, size) +
        legend_commands(panel, place, beside ? fmt::format("font ',{}'", size) : std::string()) +
        thin_lines(panel);
    const char* separator = "plot ";
    for (std::size_t c = 0; c < panel.curves.size(); ++c) {
        const std::string name = fmt::format("p{}c{}", index, c);
        text += separator + points_beyond(name, panel.curves[c], panel.y) +
                draw_curve(name, panel.curves[c], size);
        separator = ", ";
    }
    return text + "\n";
}

/// Points, of which only their triangles are seen, for the bins of lines that leave the panel.
void add_bins_beyond(Panel& panel) {
    if (!panel.y.low || !panel.y.high) return;
    std::vector<Curve> beyond;
    for (const Curve& curve : panel.curves) {
        const bool is_line = curve.mark == Mark::line || curve.mark == Mark::dashes;
        if (!curve.bins || !is_line) continue;
        Curve points{.mark = Mark::points, .colour = curve.colour};
        for (std::size_t i = 0; i + 1 < curve.x.size(); i += 2) {
            const double y = curve.y[i];
            if (!std::isfinite(y) || (y >= *panel.y.low && y <= *panel.y.high)) continue;
            if (panel.y.logarithmic && y <= 0.0) continue;  // an empty bin
            points.x.push_back(0.5 * (curve.x[i] + curve.x[i + 1]));
            points.y.push_back(y);
        }
        if (!points.x.empty()) beyond.push_back(std::move(points));
    }
    panel.curves.insert(panel.curves.end(), beyond.begin(), beyond.end());
}

/// Opens one picture. The cairo terminals measure fonts in points of 1/72 inch.
std::string terminal(const Plot& plot, const PictureFile& picture) {
    constexpr double pixels_per_inch = 96.0;
    std::string text;
    switch (picture.format) {
        case PictureFormat::svg:
            text = fmt::format(
                "set terminal svg size {:g},{} dynamic noenhanced font 'sans-serif,13' rounded\n",
                width, plot.height);
            break;
        case PictureFormat::pdf:
            text = fmt::format(
                "set terminal pdfcairo size {:.4f}in,{:.4f}in noenhanced font 'sans-serif,9.75' "
                "rounded\n",
                width / pixels_per_inch, plot.height / pixels_per_inch);
            break;
        case PictureFormat::png:
            text = fmt::format(
                "set terminal pngcairo size {:g},{} noenhanced font 'sans-serif,9.75' fontscale 2 "
                "linewidth 2 pointscale 2 rounded\n",
                2.0 * width, 2 * plot.height);
            break;
    }
    if (!picture.file.empty()) text += "set output " + gnuplot_quoted(picture.file) + "\n";
    return text;
}

}  // namespace

Curve outline(std::span<const double> edges,
              std::span<const double> values,
              std::string label,
              Colour colour) {
    RATIOFARM_EXPECT(edges.size() == values.size() + 1);
    Curve curve{.label = std::move(label), .mark = Mark::line, .colour = colour, .bins = true};
    for (std::size_t b = 0; b < values.size(); ++b) {
        curve.x.insert(curve.x.end(), {edges[b], edges[b + 1]});
        curve.y.insert(curve.y.end(), {values[b], values[b]});
    }
    return curve;
}

Curve outline_band(std::span<const double> edges,
                   std::span<const double> low,
                   std::span<const double> high,
                   std::string label,
                   Colour colour) {
    Curve curve = outline(edges, low, std::move(label), colour);
    curve.mark = Mark::band;
    curve.low = std::move(curve.y);
    curve.high = outline(edges, high, {}, colour).y;
    curve.y.clear();
    return curve;
}

std::string gnuplot_program(const Plot& given, std::span<const PictureFile> pictures) {
    RATIOFARM_EXPECT(!given.panels.empty());
    Plot plot = given;
    for (Panel& panel : plot.panels) {
        drop_empty(panel);
        add_bins_beyond(panel);
    }
    plot.height += static_cast<int>(legend_height(plot));
    std::string text = "set encoding utf8\n";
    for (std::size_t p = 0; p < plot.panels.size(); ++p) {
        for (std::size_t c = 0; c < plot.panels[p].curves.size(); ++c) {
            text += data_block(fmt::format("p{}c{}", p, c), plot.panels[p].curves[c]);
        }
    }
    const std::vector<Place> at = places(plot);
    for (const PictureFile& picture : pictures) {
        text += "reset\n" + terminal(plot, picture) +
                "set datafile missing 'NaN'\n"
                "set border 3 lc rgb '#5f6670' lw 1\n"
                "set tics nomirror out scale 0.6 textcolor rgb '#33383f'\n";
        // The cairo terminals measure fonts in points, the other in pixels of 1/96 inch.
        const double size =
            picture.format == PictureFormat::svg ? plot.row_text : 0.75 * plot.row_text;
        if (plot.panels.size() > 1) text += "set multiplot\n";
        for (std::size_t p = 0; p < plot.panels.size(); ++p) {
            text += panel_commands(plot, p, at[p], size);
        }
        if (plot.panels.size() > 1) text += "unset multiplot\n";
    }
    return text + "set output\n";
}

}  // namespace ratiofarm
