#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "ratiofarm/fit/event_set.hpp"
#include "ratiofarm/mpi/communicator.hpp"

#include "fit_input.hpp"

namespace ratiofarm {

/// Sums over events of their weights w and of a number y that each has.
struct SumsOfSets {
    double w = 0.0, wy = 0.0, wyy = 0.0;
    double ww = 0.0, wwy = 0.0, wwyy = 0.0;

    double mean() const { return w != 0.0 ? wy / w : 0.0; }
    /// Of the sum of w (y - mean), by the finite number of events.
    double variance() const { return wwyy - 2.0 * mean() * wwy + mean() * mean() * ww; }
};

/// Numbers that belong to the events of a set.
struct EventNumbers {
    std::size_t count = 1;  ///< of each event
    /// [count][n] of a piece of a set, which it may change. Called on any rank for any piece.
    std::function<std::vector<std::vector<double>>(const FittedSet& set, EventSet& piece)> of;
};

/// Collective over comm. Each event is read once, whatever the count. The same bits on any number
/// of ranks.
/// \param events  of the sets, one after the other
/// \param part    of the events that are read: the first ones of each shard; 0 < part <= 1
/// \return [count][sets]
std::vector<std::vector<SumsOfSets>> event_sums(const mpi::Communicator& comm,
                                                const EventSource& events,
                                                std::span<const FittedSet> sets,
                                                const EventNumbers& numbers,
                                                double part = 1.0);

}  // namespace ratiofarm
