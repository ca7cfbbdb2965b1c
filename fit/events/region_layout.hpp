#pragma once

#include <cstddef>
#include <vector>

#include "ratiofarm/fit/event_set.hpp"
#include "ratiofarm/physics/statistical_model.hpp"

#include "region_events.hpp"

namespace ratiofarm {

/// The layout of a region's events, and which parameters its shapes belong to.
struct NamedLayout {
    RegionLayout layout;
    std::vector<std::size_t> shape_parameters;  ///< [P], positions in theta, ascending
};

/// \throws ConfigError if the events have no columns for a shape of the model
NamedLayout region_layout(const UnbinnedRegion& region,
                          const StatisticalModel& model,
                          const EventSource& source);

}  // namespace ratiofarm
