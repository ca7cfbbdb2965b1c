#pragma once

#include <functional>
#include <vector>

#include "ratiofarm/fit/event_set.hpp"

namespace ratiofarm {

/// The events of a source with other ratios. Weights stay as they are, also those of Asimov data
/// that were made with the ratios of the source.
/// \param log_r [n, processes] of a range of the list; by several threads at once
EventSource with_log_ratios(EventSource source, std::function<std::vector<double>(Range)> log_r);

/// The events of a source with further shapes g = exp(alpha delta(x)).
/// \param delta [columns, n] of a range of the list: ln g at alpha = +1, and -ln g at -1; by
/// several threads at once
EventSource with_shapes(EventSource source,
                        const std::vector<ShapeColumn>& columns,
                        std::function<std::vector<float>(Range)> delta);

}  // namespace ratiofarm
