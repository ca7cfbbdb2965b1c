#pragma once

#include <span>

#include "results/fit_json.hpp"

#include "finite_mc_estimates.hpp"

/// What shapes that the likelihood leaves out could do to the parameter of interest, mu. A shape
/// that its test did not find may be real all the same, and its parameter then moves mu.
///
/// A fit to data that have the shape, by a likelihood that lacks it, is off by alpha times a shift,
/// to first order that of the learned shape, d ln g / d alpha = (ln g_up - ln g_down) / 2. alpha is
/// known no better than by its constraint, so its error holds the shift of one width. Yields of the
/// same parameter move mu along with it.
///
/// A learned shape has noise, and the noise of many would add up. What both sides do alike,
/// (ln g_up + ln g_down) / 2, is not a shape that acts to first order, but has noise as well: where
/// both sides and the nominal sample are independent and of one size three times the variance, and
/// more than once that where the noise is of the training. So noise^2 = even^2 / 3 is a cautious
/// estimate of the noise in shift^2.
namespace ratiofarm {

/// The shapes of one parameter, moved by the width of its constraint.
struct LeftOutShift {
    double shift = 0.0;       ///< of mu-hat, if they were in the likelihood
    double noise = 0.0;       ///< estimate of the noise in it
    double observable = 0.0;  ///< of mu-hat, by the global observable (Impact::global_observable)
};

/// The error of mu that holds all of them, root of
///
///     max( max shift^2, sum (shift^2 - noise^2) + 2 sqrt(sum shift^2 noise^2) )
///     + max( 0, 2 sum shift observable )
///
/// The first is the sum of squares less its noise plus the standard error of that difference, and
/// at least the largest of them; the second what yields do together with the shapes. It counts only
/// where it makes the error larger.
double left_out_error(std::span<const LeftOutShift> shifts);

/// Collective over comm. Fills shift, shift_noise and the errors of the record.
/// \param point fitted with its parameter of interest free inside its range; with reference rows
/// where a region is normalised  \param fitted of this likelihood
void find_left_out_error(const mpi::Communicator& comm,
                         const FittedPoint& point,
                         const FitResult& fitted,
                         ShapeRecord& record);

/// The error of mu, its variance and correlations, and the total of the breakdown, with this error
/// in quadrature. Nothing where mu has no error.
void widen(FitResult& fitted, double left_out_error);

/// Parameters whose shapes some ratio file has and the likelihood leaves out, by name.
std::vector<std::string> left_out_parameters(const RatioFiles& ratios,
                                             const StatisticalModel& model);

}  // namespace ratiofarm
