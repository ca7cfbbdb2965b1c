#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ratiofarm/fit/event_set.hpp"

namespace ratiofarm {

/// All events of a source, in this rank's memory.
std::shared_ptr<const EventSet> whole_list(const EventSource& source);

/// The weights of all events, without keeping the rest.
std::vector<double> weights_of(const EventSource& source);

/// Real events of unit weight: each is kept with probability weight / largest weight.
/// \param sample for the message  \param key of the random numbers
/// \throws DataError if a weight is negative
EventSet unweighted_events(const EventSet& events, const std::string& sample, std::uint64_t key);

}  // namespace ratiofarm
