#pragma once

#include <span>
#include <vector>

#include "ratiofarm/protocol/net_quality.hpp"
#include "ratiofarm/protocol/training_options.hpp"

#include "net_quality.hpp"

namespace ratiofarm::trainer {

/// The non-decreasing sequence g that minimises sum_i weights_i (values_i - g_i)^2, by pooling
/// adjacent violators. \param weights > 0, as many as values
std::vector<double> isotonic_regression(std::span<const double> values,
                                        std::span<const double> weights);

/// The calibrated logit is that of the class fraction (balanced classes) as a function of the
/// logit. Events whose logit is not finite are left out.
/// * isotonic: its isotonic regression. The events are first put into at most calibration_knots
///   quantile bins of the logit; a knot is the mean logit of what was pooled, its value the logit
///   of the class fraction there. Where one class is missing, bins are joined until both have
///   events.
/// * histogram: likewise in at most 20 such bins, which are not pooled
/// * platt: c + k z of a logistic fit (logistic_fit()), a straight line up to the largest |z| and
///   at least to 15
/// \return no knots if there are no two of them: a constant net, a class without weight, or k <= 0
CalibrationMap fit_calibration(const ScoredTable& validation, CalibrationMethod method);

}  // namespace ratiofarm::trainer
