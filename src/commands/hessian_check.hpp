#pragma once

#include "pipeline/fitted_campaign.hpp"

namespace ratiofarm {

/// The Hessian at the minimum, computed in both ways.
struct HessianCheck {
    double largest_difference = 0.0;  ///< of an element, relative to the largest one
    double seconds_by_rows = 0.0;
    double seconds_closed_form = 0.0;
};

/// Collective over the context's world. Computes the Hessian at a fit's minimum row by row, rows
/// dealt over the ranks (fit/hessian_rows.hpp), and compares it with the closed form. Every rank
/// then holds all events.
HessianCheck check_hessian(RunContext& context, const FittedCampaign& fitted);

}  // namespace ratiofarm
