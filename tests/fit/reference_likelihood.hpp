#pragma once

#include <span>

#include "ratiofarm/fit/likelihood.hpp"

namespace ratiofarm {

/// What Likelihood computes for one unbinned region and the constraints, as a textbook would: one
/// loop over the events of one process, double precision, the library's exp and log, every
/// derivative of every event by itself. Slow and clear; the oracle of the fast one.
/// \param events a whole set  \param u [n], internal coordinates
Evaluation reference_likelihood(const StatisticalModel& model,
                                const EventSet& events,
                                std::span<const double> u);

}  // namespace ratiofarm
