#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "ratiofarm/fit/fit_result.hpp"

#include "measurement/toys_results.hpp"

#include "plot.hpp"

namespace ratiofarm {

/// Impacts on the parameter of interest, up and down, before (frames) and after the fit (bars), and
/// pulls with constraints beside them: the parameters [first, first + n) of the ranking by
/// refit_shift. After the fit: shifts by refits where there are some, else to first order; before
/// it the same, scaled from the error of the parameter to the width of its constraint.
Plot ranking_plot(const FitResult& fit, std::size_t first, std::size_t n);

/// Where t < 2.30 and t < 5.99, 68 and 95 % for two parameters, if the likelihood is a parabola.
/// \pre both have errors
Plot contour_plot(const FitResult& fit, const std::string& first, const std::string& second);

/// Correlations of those that have one of at least `cut` with some other.
struct CorrelationPlot {
    double cut = 0.0;
    std::size_t shown = 0;
    std::size_t all = 0;  ///< parameters with an error
    Plot plot = {};
};

/// \param most parameters; the cut is raised until no more are left. The parameter of interest
/// stays
CorrelationPlot correlation_plot(const FitResult& fit, std::size_t most);

/// Pulls of the parameter of interest over the toys of a point, with a normal distribution.
Plot pulls_plot(const ToyParameter& parameter);

/// A test statistic over the toys of a point, with the chi2 distribution that it should follow,
/// its thresholds and the data.
Plot statistic_plot(const ToyStatistic& statistic);

/// Of a grid: the thresholds of a statistic against the parameter of interest, and the data.
/// \param statistic position in the statistics of every point
Plot neyman_plot(const ToyResults& toys, std::size_t statistic);

}  // namespace ratiofarm
