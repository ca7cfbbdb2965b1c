#pragma once

#include <string>
#include <vector>

#include "plot.hpp"

namespace ratiofarm {

/// The lower triangle of a matrix of correlations: cells with numbers in %, columns by number.
/// \param names [n]  \param values [n][n], -1 to 1
Plot matrix_plot(const std::vector<std::string>& names,
                 const std::vector<std::vector<double>>& values);

}  // namespace ratiofarm
