#pragma once

#include <span>

#include "results/fit_json.hpp"

#include "finite_mc_estimates.hpp"

/// What the likelihood does not know of learned shapes, and what it does to the parameter of
/// interest, mu.
///
/// Left out. A shape that its test did not find may be real all the same, and its parameter then
/// moves mu. A fit to data that have the shape, by a likelihood that lacks it, is off by alpha
/// times a shift, to first order that of the learned shape, d ln g / d alpha = (ln g_up - ln
/// g_down) / 2. alpha is known no better than by its constraint, so its error holds the shift of
/// one width. Yields of the same parameter move mu along with it.
///
/// Noise. A learned shape is the mean of the nets of both halves of the training events. Half of
/// what the halves differ by has the same noise as their mean and no shape, so what it does to mu
/// has the variance of what the noise does. Where ratios come without halves, what both sides do
/// alike takes its place for shapes that are left out: (ln g_up + ln g_down) / 2 is not a shape
/// that acts to first order. Where both sides and the nominal sample are independent and of one
/// size it has three times the variance, and more than once that where the noise is of the
/// training: even^2 / 3 is cautious.
///
/// In the likelihood. Data that have alpha times a shape are fitted by alpha times shape and noise.
/// Beyond alpha = 1 the noise of g is that of the side, and half of its square and half of that of
/// the other one is what both do together: shift^2 = (alpha^2 + error^2) (up^2 + down^2) / 2,
/// right on average there and up to twice as much nearer to 0. A variance that one difference tells
/// has one degree of freedom: noise_error() allows for that.
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

/// Part of an error for noise, in quadrature: so that the whole holds 68.3 % of Student's t with
/// the degrees of freedom of Welch and Satterthwaite, (fit_error^2 + variance)^2 / squares.
/// \param fit_error known well  \param variance sum of estimates with one degree of freedom each
/// \param squares of these estimates, summed
double noise_error(double fit_error, double variance, double squares);

/// Collective over comm. Fills noises and the errors of the record, and shift and shift_noise.
/// \param point fitted with its parameter of interest free inside its range; with reference rows
/// where a region is normalised  \param fitted of this likelihood
/// \param of_left_out whether the error is to hold shapes that are left out
void find_shape_errors(const mpi::Communicator& comm,
                       const FittedPoint& point,
                       const FitResult& fitted,
                       bool of_left_out,
                       ShapeRecord& record);

/// The error of mu, its variance and correlations, and the total of the breakdown, with this error
/// in quadrature. Nothing where mu has no error.
void widen(FitResult& fitted, double held_error);

/// Parameters whose shapes some ratio file has and the likelihood leaves out, by name.
std::vector<std::string> left_out_parameters(const RatioFiles& ratios,
                                             const StatisticalModel& model);

/// Whether the likelihood has shapes of which halves of the nets tell the noise.
bool any_noise_known(const RatioFiles& ratios, const StatisticalModel& model);

}  // namespace ratiofarm
