#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ratiofarm {

enum class Mark {
    line,
    dashes,
    points,         ///< with error bars if low and high are given; a triangle points to those
                    ///< beyond the ends of the y axis, as to bins of a line
    across_points,  ///< like points, with horizontal error bars
    band,           ///< filled between low and high, what lies behind shows through
    fill,           ///< filled between low and high
    bars,           ///< rows at y, filled from x = low to high
    frames,         ///< the outlines of such bars
    cells,          ///< unit squares at (x, y), coloured by value
    numbers,        ///< value at (x, y), in %; white where its cell is dark
};

/// Distinct for readers with any colour vision (Okabe and Ito), and when printed in grey.
enum class Colour { blue, vermillion, green, orange, purple, sky, grey, black };

/// One series of a plot. Values that are not finite are gaps.
struct Curve {
    std::string label = {};  ///< in the legend above the panel; empty: not there
    Mark mark = Mark::line;
    Colour colour = Colour::blue;
    double strength = 1.0;  ///< of lines: width and opacity, 0 to 1; pale for one of many
    std::vector<double> x = {}, y = {};
    std::vector<double> low = {}, high = {};  ///< of points, bands, fills, bars and frames
    std::vector<double> value = {};           ///< of cells, -1 to 1, and of numbers
    bool bins = false;                        ///< two points are a bin, as of outline()
};

struct Axis {
    std::string label = {};  ///< with the unit in brackets
    std::optional<double> low = {}, high = {};
    bool logarithmic = false;
};

/// Curves over one y axis.
struct Panel {
    Axis y;
    std::vector<Curve> curves;
    std::vector<double> levels;             ///< thin horizontal lines
    std::vector<std::string> rows = {};     ///< names at y = 1, 2, ... downwards instead of numbers
    std::vector<std::string> columns = {};  ///< names at x = 1, 2, ... instead of numbers
    std::optional<Axis> x = {};             ///< of its own, for panels beside each other
    std::vector<double> marks = {};         ///< thin vertical lines
};

enum class Arrangement {
    stacked,  ///< over a common x axis; the lower ones are low and show a ratio or a difference
    beside,   ///< with common rows, each over its own x axis
};

struct Plot {
    Axis x = {};
    std::vector<Panel> panels = {};
    Arrangement arrangement = Arrangement::stacked;
    int height = 380;        ///< without the legend; user units, of 500 in width; text has 13
    double row_text = 11.0;  ///< size of the names of rows and columns
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

enum class PictureFormat { svg, pdf, png };

/// Program of gnuplot 5 that draws the plot once for each picture.
/// \param file empty: standard output
struct PictureFile {
    PictureFormat format = PictureFormat::svg;
    std::string file = {};
};
std::string gnuplot_program(const Plot& plot, std::span<const PictureFile> pictures);

}  // namespace ratiofarm
