#pragma once

#include "ratiofarm/core/log.hpp"
#include "ratiofarm/fit/likelihood.hpp"

#include "results/fit_json.hpp"

#include "fit_input.hpp"

namespace ratiofarm {

/// Collective over the likelihood's communicator. What is known of the learned shapes, as the fit
/// used them; where some were left out, the same data are fitted with them, too, so that both
/// errors can be shown.
/// \param fitted  by this likelihood
ShapeRecord shape_record(const Campaign& campaign,
                         const RatioFiles& ratios,
                         const Likelihood& likelihood,
                         const FitResult& fitted,
                         const LikelihoodOptions& options);

/// True if a tested shape is not significant and a region leaves it out, although its model has the
/// parameter. \param column of the region's ratio file
bool is_left_out(const RatioHeader& header,
                 std::size_t column,
                 const StatisticalModel& model,
                 std::size_t region);

/// True if the likelihood of a region varies a process by a shape.
bool uses_shape(const UnbinnedRegion& region, const RatioShape& shape);

/// Warnings about constraints: shapes that were left out, and
/// parameters whose noise by itself would make their error smaller than 0.98 of the constraint.
std::vector<std::string> shape_warnings(const ShapeRecord& record, const StatisticalModel& model);

/// Parameters without a constraint of which noise makes more than a tenth of what the fit knows.
std::vector<std::string> noise_of_free_parameters(const ShapeRecord& record,
                                                  const StatisticalModel& model,
                                                  const FitResult& fitted);

}  // namespace ratiofarm
