#pragma once

#include "fit_input.hpp"

namespace ratiofarm {

/// Checks that no event is in the ratio files of two unbinned regions. Sets
/// of the same sample are compared by the ids of their events; those without ids cannot be.
/// \throws DataError naming two regions, the sample and an event that is in both
void expect_no_shared_events(const Campaign& campaign, const RatioFiles& ratios);

}  // namespace ratiofarm
