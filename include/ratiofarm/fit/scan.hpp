#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "ratiofarm/fit/fit_result.hpp"
#include "ratiofarm/fit/likelihood.hpp"

namespace ratiofarm {

/// Points of a scan for a plot: equal steps over mu-hat +- 3.5 errors, cut at the range, with
/// mu-hat in it. The whole range where the error is zero or unknown.
/// \param n number of points, >= 3
std::vector<double> default_scan_points(const StatisticalModel& model,
                                        const FitResult& result,
                                        std::size_t n = 41);

/// Collective over the likelihood's communicator. t_mu at each point, the other free parameters
/// profiled, each fit starting from its neighbour's result. t is relative to result.nll.
/// \param points of the parameter of interest, inside its range
/// \throws ConfigError for a point outside the range
std::vector<ScanPoint> scan(const Likelihood& likelihood,
                            const FitResult& result,
                            std::span<const double> points);

/// Ends of the interval around mu-hat where t_mu < level; an end is missing where t stays below
/// the level up to the end of the range.
struct Interval {
    std::optional<double> low;
    std::optional<double> high;
};

/// Collective over the likelihood's communicator. Profiles until both ends are known to 1e-9 of
/// the parameter's error. Finds the nearest crossings from mu-hat: a second minimum further out is
/// not part of the interval. \param level > 0; 1 for 68.27 % where t is chi-square distributed
Interval interval(const Likelihood& likelihood, const FitResult& result, double level = 1.0);

}  // namespace ratiofarm
