#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/fit/fit_result.hpp"
#include "ratiofarm/fit/likelihood.hpp"

namespace ratiofarm {

struct ScanOptions {
    std::string parameter = {};  ///< empty: the parameter of interest
    /// A scan of 15 points or more computes the profile, with gradient and curvature, at places
    /// that it chooses so that quintics between them are good to this much in t (times t where t >
    /// 1), and interpolates. It is at most ten times worse where an interpolation code changes its
    /// formula (|alpha| = 1). Where events fall below the floor of the mixture points are fitted.
    /// 0: a fit at every point.
    double tolerance = 1e-5;
};

/// Points of a scan for a plot: equal steps over the value +- 3.5 errors, cut at the range, with
/// the fitted value in it. The whole range where the error is zero or unknown.
/// \param n number of points, >= 3  \param parameter empty: the parameter of interest
std::vector<double> default_scan_points(const StatisticalModel& model,
                                        const FitResult& result,
                                        std::size_t n = 41,
                                        const std::string& parameter = {});

/// Collective over the likelihood's communicator. t at each point, the other free parameters
/// profiled, each point starting from what its neighbours predict. t is relative to result.nll; it
/// is negative only where the scan came below the minimum by more than rounding (deeper_point()).
/// \param points of the scanned parameter, inside its range
/// \throws ConfigError for a point outside the range, or a parameter that is not declared
std::vector<ScanPoint> scan(const Likelihood& likelihood,
                            const FitResult& result,
                            std::span<const double> points,
                            const ScanOptions& options = {});

/// The deepest point with t < 0, or null: the fit must begin again from it (FitOptions::places).
const ScanPoint* deeper_point(std::span<const ScanPoint> points);

/// One axis of a scan in two parameters.
struct ScanAxis {
    std::string parameter;
    std::vector<double> points;
};

/// Collective over the likelihood's communicator. t at the points of a grid, the first axis
/// outside; theta holds both values.
/// \throws ConfigError as scan(), or if both axes are the same parameter
std::vector<ScanPoint> scan_grid(const Likelihood& likelihood,
                                 const FitResult& result,
                                 const ScanAxis& outer,
                                 const ScanAxis& inner);

/// t that two parameters of a chi-square law exceed with a probability of 1 - share.
double contour_level(double share);

/// Collective over the likelihood's communicator. The contours of two parameters at some levels of
/// t, each from the best point outwards along `directions` rays that an ellipse of the covariance
/// would be cut evenly by; t of a point is within 1 % of its level. A second crossing further out
/// is not looked for. \param levels  > 0, increasing
/// \throws ConfigError if both are the same parameter, or one has no error at the minimum
std::vector<Contour> contours(const Likelihood& likelihood,
                              const FitResult& result,
                              const std::string& first,
                              const std::string& second,
                              std::span<const double> levels,
                              std::size_t directions = 32);

/// Ends of the interval around a fitted value where t < level; an end is missing where t stays
/// below the level up to the end of the range.
struct Interval {
    std::optional<double> low;
    std::optional<double> high;
    bool converged = true;  ///< false: an end is missing because a conditional fit did not converge
};

/// Collective over the likelihood's communicator. Profiles until both ends are known to 1e-9 of
/// the parameter's error. Finds the nearest crossings from the fitted value: a second minimum
/// further out is not part of the interval. \param level > 0; 1 for 68.27 % where t is chi-square
/// distributed  \param parameter empty: the parameter of interest
Interval interval(const Likelihood& likelihood,
                  const FitResult& result,
                  double level = 1.0,
                  const std::string& parameter = {});

}  // namespace ratiofarm
