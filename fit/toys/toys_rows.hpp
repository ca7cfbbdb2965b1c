#pragma once

#include <vector>

#include "ratiofarm/fit/event_set.hpp"

#include "toys_draw.hpp"

namespace ratiofarm {

/// Rows of a set that enter a toy, and as what.
struct ToyRows {
    const EventSet* events;
    std::vector<DrawnRow> rows;
    bool as_reference = false;
};

/// The rows of all parts, one after the other.
EventSet joined(const std::vector<ToyRows>& parts);

/// Every row once.
std::vector<DrawnRow> all_rows(const EventSet& events);

}  // namespace ratiofarm
