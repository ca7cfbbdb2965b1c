#pragma once

#include <span>
#include <vector>

#include "ratiofarm/protocol/net_quality.hpp"

#include "net_quality.hpp"

namespace ratiofarm::trainer {

/// The non-decreasing sequence g that minimises sum_i weights_i (values_i - g_i)^2, by pooling
/// adjacent violators. \param weights > 0, as many as values
std::vector<double> isotonic_regression(std::span<const double> values,
                                        std::span<const double> weights);

/// Isotonic regression of the class fraction (balanced classes) on the logit. The events are first
/// put into at most calibration_knots quantile bins of the logit; a knot is the mean logit of what
/// was pooled, its value the logit of the class fraction there. Where one class is missing, bins
/// are joined until both have events. Events whose logit is not finite are left out.
/// \return no knots if there are no two of them: a constant net, or a class without weight
CalibrationMap fit_calibration(const ScoredTable& validation);

}  // namespace ratiofarm::trainer
