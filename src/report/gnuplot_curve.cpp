#include "gnuplot_curve.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include <fmt/format.h>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {

std::string gnuplot_quoted(const std::string& text) {
    std::string result = "'";
    for (const char c : text) {
        if (c == '\'') result += '\'';
        result += c == '\n' ? ' ' : c;
    }
    return result + "'";
}

std::string gnuplot_number(double value) {
    return std::isfinite(value) ? fmt::format("{:.7g}", value) : std::string("NaN");
}

std::string data_block(const std::string& name, const Curve& curve) {
    const bool across = curve.mark == Mark::band || curve.mark == Mark::fill;
    RATIOFARM_EXPECT(curve.low.size() == curve.high.size());
    std::string text = "$" + name + " << EOD\n";
    const std::size_t n = curve.x.empty() ? curve.y.size() : curve.x.size();
    for (const auto* column : {&curve.x, &curve.y, &curve.low, &curve.high, &curve.value}) {
        RATIOFARM_EXPECT(column->empty() || column->size() == n);
    }
    for (std::size_t i = 0; i < n; ++i) {
        for (const auto* column : {&curve.x, &curve.y, &curve.low, &curve.high, &curve.value}) {
            if (across && column == &curve.y) continue;
            if (!column->empty()) text += gnuplot_number((*column)[i]) + ' ';
        }
        text.back() = '\n';
    }
    return text + "EOD\n";
}

namespace {

/// Whether gnuplot finds anything to draw in these columns along an axis: rows that have all of
/// them.
bool has_row(const Axis& axis,
             const std::vector<double>& x,
             std::initializer_list<const std::vector<double>*> along) {
    const auto lacks = [](const std::vector<double>& column, std::size_t row, bool positive) {
        if (column.empty()) return false;
        return !std::isfinite(column[row]) || (positive && column[row] <= 0.0);
    };
    std::size_t rows = x.size();
    for (const auto* column : along) rows = std::max(rows, column->size());
    for (std::size_t row = 0; row < rows; ++row) {
        const bool whole = std::ranges::none_of(
            along, [&](const auto* column) { return lacks(*column, row, axis.logarithmic); });
        if (whole && !lacks(x, row, false)) return true;
    }
    return false;
}

}  // namespace

void drop_empty(Panel& panel) {
    for (Curve& curve : panel.curves) {
        const bool bars = curve.mark == Mark::points || curve.mark == Mark::across_points;
        if (!bars || has_row(panel.y, curve.x, {&curve.y, &curve.low, &curve.high})) continue;
        curve.low.clear();
        curve.high.clear();
    }
    const auto is_empty = [&](const Curve& curve) {
        const bool across = curve.mark == Mark::band || curve.mark == Mark::fill;
        const std::vector<double> none;
        return !has_row(panel.y, curve.x,
                        {across ? &none : &curve.y, &curve.low, &curve.high, &curve.value});
    };
    if (!std::ranges::all_of(panel.curves, is_empty)) std::erase_if(panel.curves, is_empty);
}

namespace {

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

/// Not gnuplot's own error bars, which blank out what lies behind their points.
std::string error_bars(const std::string& name, const std::string& colour, Mark mark) {
    return fmt::format("${} using {} with vectors nohead lc {} lw 1.1 notitle", name,
                       mark == Mark::points ? "1:3:(0):($4-$3)" : "3:2:($4-$3):(0)", colour);
}

/// Blue for positive, vermillion for negative, white for zero, as gnuplot computes it from
/// column 3.
constexpr const char* cell_colour =
    "($3 < 0 ? int(213 + (1 + $3) * 42) * 65536 + int(94 + (1 + $3) * 161) * 256 + "
    "int((1 + $3) * 255) : int((1 - $3) * 255) * 65536 + int(114 + (1 - $3) * 141) * 256 + "
    "int(178 + (1 - $3) * 77))";

}  // namespace

std::string points_beyond(const std::string& name, const Curve& curve, const Axis& axis) {
    if (curve.mark != Mark::points || !axis.low || !axis.high) return {};
    const auto along = [&](double part) {  // of the axis
        return axis.logarithmic ? *axis.low * std::pow(*axis.high / *axis.low, part)
                                : *axis.low + part * (*axis.high - *axis.low);
    };
    std::string text;
    const auto mark = [&](const std::string& condition, double part, int triangle) {
        text += fmt::format(
            "${} using 1:({} ? {} : NaN) with points lc rgb '#{}' pt {} ps 0.7 notitle, ", name,
            condition, gnuplot_number(along(part)), hex(curve.colour), triangle);
    };
    const auto any = [&](auto is_beyond) {
        return std::ranges::any_of(curve.y,
                                   [&](double y) { return std::isfinite(y) && is_beyond(y); });
    };
    if (any([&](double y) { return y > *axis.high; })) {
        mark("$2 > " + gnuplot_number(*axis.high), 0.95, 9);
    }
    if (any([&](double y) { return y < *axis.low; }))
        mark("$2 < " + gnuplot_number(*axis.low), 0.05, 11);
    return text;
}

std::string draw_curve(const std::string& name, const Curve& curve, double text) {
    const std::string title =
        curve.label.empty() ? "notitle" : "title " + gnuplot_quoted(curve.label);
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
        case Mark::across_points:
            return (curve.low.empty() ? std::string()
                                      : error_bars(name, colour, curve.mark) + ", ") +
                   fmt::format("${} using 1:2 with points lc {} pt 7 ps 0.4 {}", name, colour,
                               title);
        case Mark::band:
            return fmt::format(
                "${} using 1:2:3 with filledcurves fc {} fs transparent solid 0.22 noborder {}",
                name, colour, title);
        case Mark::fill:
            return fmt::format("${} using 1:2:3 with filledcurves fc {} fs solid 0.55 noborder {}",
                               name, colour, title);
        case Mark::bars:
            return fmt::format(
                "${} using 1:2:3:4:($2-0.38):($2+0.38) with boxxyerror fc {} fs solid 0.8 noborder "
                "{}",
                name, colour, title);
        case Mark::frames:
            return fmt::format(
                "${0} using 1:2:3:4:($2-0.44):($2+0.44) with boxxyerror lc {1} lw 1 fs empty "
                "border lc {1} {2}",
                name, colour, title);
        case Mark::cells:
            return fmt::format(
                "${} using 1:2:($1-0.5):($1+0.5):($2-0.5):($2+0.5):{} with boxxyerror lc rgb "
                "variable fs solid 1 noborder notitle",
                name, cell_colour);
        case Mark::numbers:
            return fmt::format(
                "${} using 1:2:(sprintf('%.0f',abs($3)<0.5?0:$3)):(abs($3)>60?0xffffff:0x000000) "
                "with labels font ',{}' tc rgb variable notitle",
                name, 0.82 * text);
    }
    return {};
}

}  // namespace ratiofarm
