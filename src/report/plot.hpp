#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ratiofarm {

enum class Mark {
    line,
    dashes,
    points,  ///< with error bars if low and high are given
    band,    ///< filled between low and high
};

/// Distinct for readers with any colour vision (Okabe and Ito), and when printed in grey.
enum class Colour { blue, vermillion, green, orange, purple, sky, grey, black };

/// One series of a plot. Values that are not finite are gaps.
struct Curve {
    std::string label;  ///< in the legend; empty: not there
    Mark mark = Mark::line;
    Colour colour = Colour::blue;
    double strength = 1.0;  ///< of lines: width and opacity, 0 to 1; pale for one of many
    std::vector<double> x, y;
    std::vector<double> low, high;  ///< of points and bands
};

struct Axis {
    std::string label;  ///< with the unit in brackets
    std::optional<double> low, high;
    bool logarithmic = false;
};

enum class Legend { none, top_left, top_right, top_centre, bottom_right };

/// Curves over one y axis.
struct Panel {
    Axis y;
    std::vector<Curve> curves;
    std::vector<double> levels;  ///< thin horizontal lines
    Legend legend = Legend::top_right;
};

/// One or two panels over a common x axis; the second is low and shows a ratio or a difference.
struct Plot {
    Axis x;
    std::vector<Panel> panels;
};

/// A histogram as the outline of its bins.
/// \param edges [n + 1]  \param values [n]
Curve outline(std::span<const double> edges,
              std::span<const double> values,
              std::string label,
              Colour colour);

/// Like outline(), with a band between limits instead of a line. \param low, high [n]
Curve outline_band(std::span<const double> edges,
                   std::span<const double> low,
                   std::span<const double> high,
                   std::string label,
                   Colour colour);

/// Program of gnuplot 5 that draws the plot as SVG on its standard output.
std::string gnuplot_program(const Plot& plot);

}  // namespace ratiofarm
