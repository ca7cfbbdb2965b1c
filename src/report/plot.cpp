#include "plot.hpp"

#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {
namespace {

constexpr int width = 560;  // user units; the page scales the picture
constexpr int height = 400;
constexpr double left = 0.15;  // margins as fractions of the picture
constexpr double right = 0.955;
constexpr double bottom = 0.135;
constexpr double top = 0.965;
constexpr double second_top = 0.345;  // upper end of the second panel

const char* hex(Colour colour) {
    switch (colour) {
        case Colour::blue: return "0072b2";
        case Colour::vermillion: return "d55e00";
        case Colour::green: return "009e73";
        case Colour::orange: return "e69f00";
        case Colour::purple: return "cc79a7";
        case Colour::sky: return "56b4e9";
        case Colour::grey: return "8a8f98";
        case Colour::black: return "222222";
    }
    return "222222";
}

/// In gnuplot's single quotes nothing but the quote is special.
std::string quoted(const std::string& text) {
    std::string result = "'";
    for (const char c : text) {
        if (c == '\'') result += '\'';
        result += c == '\n' ? ' ' : c;
    }
    return result + "'";
}

std::string number(double value) {
    return std::isfinite(value) ? fmt::format("{:.7g}", value) : std::string("NaN");
}

std::string data_block(const std::string& name, const Curve& curve) {
    const bool limits = !curve.low.empty();
    const bool band = curve.mark == Mark::band;
    RATIOFARM_EXPECT(curve.x.size() == (band ? curve.low : curve.y).size());
    RATIOFARM_EXPECT(curve.low.size() == curve.high.size());
    std::string text = "$" + name + " << EOD\n";
    for (std::size_t i = 0; i < curve.x.size(); ++i) {
        text += number(curve.x[i]);
        if (!band) text += ' ' + number(curve.y[i]);
        if (limits) text += ' ' + number(curve.low[i]) + ' ' + number(curve.high[i]);
        text += '\n';
    }
    return text + "EOD\n";
}

/// Not gnuplot's own error bars, which blank out what lies behind their points.
std::string error_bars(const std::string& name, const std::string& colour) {
    return fmt::format("${} using 1:3:(0):($4-$3) with vectors nohead lc {} lw 1.1 notitle", name,
                       colour);
}

std::string draw(const std::string& name, const Curve& curve) {
    const std::string title = curve.label.empty() ? "notitle" : "title " + quoted(curve.label);
    const auto alpha = static_cast<int>(std::lround(200.0 * (1.0 - curve.strength)));
    const std::string colour = fmt::format("rgb '#{:02x}{}'", alpha, hex(curve.colour));
    const double line_width = 0.8 + 1.2 * curve.strength;
    switch (curve.mark) {
        case Mark::line:
            return fmt::format("${} using 1:2 with lines lc {} lw {:.2f} {}", name, colour,
                               line_width, title);
        case Mark::dashes:
            return fmt::format("${} using 1:2 with lines lc {} lw {:.2f} dt (8,5) {}", name, colour,
                               line_width, title);
        case Mark::points:
            return (curve.low.empty() ? std::string() : error_bars(name, colour) + ", ") +
                   fmt::format("${} using 1:2 with points lc {} pt 7 ps 0.4 {}", name, colour,
                               title);
        case Mark::band:
            return fmt::format(
                "${} using 1:2:3 with filledcurves fc {} fs transparent solid 0.22 noborder {}",
                name, colour, title);
    }
    return {};
}

std::string key_command(Legend legend) {
    switch (legend) {
        case Legend::none: return "unset key\n";
        case Legend::top_left: return "set key top left Left reverse samplen 1.6 spacing 1.15\n";
        case Legend::top_right: return "set key top right Right samplen 1.6 spacing 1.15\n";
        case Legend::top_centre:
            return "set key top center Left reverse samplen 1.6 spacing 1.15\n";
        case Legend::bottom_right: return "set key bottom right Right samplen 1.6 spacing 1.15\n";
    }
    return {};
}

std::string range(const char* axis, const Axis& settings) {
    const auto end = [](const std::optional<double>& value) {
        return value ? number(*value) : std::string("*");
    };
    std::string text =
        fmt::format("set {}range [{}:{}]\n", axis, end(settings.low), end(settings.high));
    text += settings.logarithmic ? fmt::format("set logscale {}\nset format {} '%g'\n", axis, axis)
                                 : fmt::format("unset logscale {}\n", axis);
    return text;
}

/// Commands of one panel between two heights of the picture.
std::string panel_commands(const Plot& plot, std::size_t index, double low, double high) {
    const Panel& panel = plot.panels[index];
    const bool lowest = index + 1 == plot.panels.size();
    std::string text =
        fmt::format("set bmargin at screen {}\nset tmargin at screen {}\n", low, high);
    text += range("y", panel.y);
    // At a fixed place: a label beside the tics leaves the picture where their numbers are long.
    text += fmt::format("set label 1 {} at screen 0.03, screen {} rotate by 90 center\n",
                        quoted(panel.y.label), 0.5 * (low + high));
    if (index > 0 && panel.y.low && panel.y.high) {
        text += fmt::format("set ytics {}\n", (*panel.y.high - *panel.y.low) / 4.0);
    }
    text += lowest ? fmt::format("set xlabel {} offset 0,0.4\nset format x '%g'\n",
                                 quoted(plot.x.label))
                   : std::string("unset xlabel\nset format x ''\n");
    text += key_command(panel.legend);
    text += "unset arrow\n";
    for (const double level : panel.levels) {
        text += fmt::format(
            "set arrow from graph 0, first {0} to graph 1, first {0} nohead back lc rgb '#b4b8c0' "
            "lw 1 "
            "dt (4,3)\n",
            number(level));
    }
    const char* separator = "plot ";
    for (std::size_t c = 0; c < panel.curves.size(); ++c) {
        text += separator + draw(fmt::format("p{}c{}", index, c), panel.curves[c]);
        separator = ", ";
    }
    return text + "\n";
}

}  // namespace

Curve outline(std::span<const double> edges,
              std::span<const double> values,
              std::string label,
              Colour colour) {
    RATIOFARM_EXPECT(edges.size() == values.size() + 1);
    Curve curve{.label = std::move(label),
                .mark = Mark::line,
                .colour = colour,
                .x = {},
                .y = {},
                .low = {},
                .high = {}};
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

std::string gnuplot_program(const Plot& plot) {
    RATIOFARM_EXPECT(plot.panels.size() == 1 || plot.panels.size() == 2);
    std::string text = fmt::format(
        "set encoding utf8\n"
        "set terminal svg size {},{} dynamic noenhanced font 'sans-serif,13' rounded\n"
        "set datafile missing 'NaN'\n"
        "set border 3 lc rgb '#5f6670' lw 1\n"
        "set tics nomirror out scale 0.6 textcolor rgb '#33383f'\n"
        "set lmargin at screen {}\nset rmargin at screen {}\n",
        width, height, left, right);
    for (std::size_t p = 0; p < plot.panels.size(); ++p) {
        for (std::size_t c = 0; c < plot.panels[p].curves.size(); ++c) {
            text += data_block(fmt::format("p{}c{}", p, c), plot.panels[p].curves[c]);
        }
    }
    text += range("x", plot.x);
    if (plot.panels.size() == 1) return text + panel_commands(plot, 0, bottom, top);
    text += "set multiplot\n";
    text += panel_commands(plot, 0, second_top + 0.035, top);
    text += panel_commands(plot, 1, bottom, second_top);
    return text + "unset multiplot\n";
}

}  // namespace ratiofarm
