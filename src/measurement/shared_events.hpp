#pragma once

#include "fit_input.hpp"

namespace ratiofarm {

/// An event is in one region: what the ratio files of several unbinned regions must not share. Sets
/// of the same sample are compared by the ids of their events; those without ids cannot be.
/// \throws DataError naming two regions, the sample and an event that is in both
void expect_no_shared_events(const Campaign& campaign, const RatioFiles& ratios);

}  // namespace ratiofarm
