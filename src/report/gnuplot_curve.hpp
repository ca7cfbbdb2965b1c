#pragma once

#include <string>

#include "plot.hpp"

/// Curves as gnuplot 5 draws them, text of its language.
namespace ratiofarm {

/// In gnuplot's single quotes nothing but the quote is special.
std::string gnuplot_quoted(const std::string& text);

/// "NaN" for a value that is not finite.
std::string gnuplot_number(double value);

/// The values of a curve as a block of this name.
std::string data_block(const std::string& name, const Curve& curve);

/// Leaves out what has nothing to draw, of which gnuplot warns, unless the panel has nothing else.
void drop_empty(Panel& panel);

/// What 'plot' draws of the block of a curve.
/// \param text size of names, in what the terminal measures fonts in
std::string draw_curve(const std::string& name, const Curve& curve, double text);

/// Triangles at the edge of a panel that point to where points lie beyond it; ends with a comma if
/// there are any.
std::string points_beyond(const std::string& name, const Curve& curve, const Axis& axis);

}  // namespace ratiofarm
