#pragma once

#include <span>

#include "region_events.hpp"
#include "region_plan.hpp"

namespace ratiofarm {

/// What the lists of sums mean that RegionEvents adds up over shards and ranks.
MixtureSums mixture_of(std::span<const double> sums, const RegionPlan& plan);
ReferenceSums reference_of(std::span<const double> sums, const RegionPlan& plan);

}  // namespace ratiofarm
