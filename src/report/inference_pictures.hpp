#pragma once

#include <string>

#include "ratiofarm/fit/fit_result.hpp"

namespace ratiofarm {

/// Rows of parameters, largest impact first: the pull with its post-fit error on the left, the
/// impact as a bar on the right. An <svg> element drawn here, without gnuplot.
/// \param most number of rows at most  \return empty without impacts
std::string impacts_picture(const FitResult& fit, ImpactDefinition definition, std::size_t most);

/// The correlation matrix of the parameters with an error as coloured squares with numbers (per
/// cent). \return empty for fewer than two parameters or more than `most`
std::string correlation_picture(const FitResult& fit, std::size_t most);

}  // namespace ratiofarm
