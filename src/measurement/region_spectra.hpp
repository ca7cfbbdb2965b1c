#pragma once

#include <array>
#include <vector>

#include "ratiofarm/fit/event_set.hpp"

#include "observable_axis.hpp"
#include "spectrum_errors.hpp"

namespace ratiofarm {

/// The spectra of one unbinned region: of the axes, whose bins are chosen here, and of the optimal
/// observable d ln D / d poi at the first point.
/// \param events data and reference  \param bases before and after the fit
/// \param axes of features, with the value of each event
std::vector<Spectrum> region_spectra(const StatisticalModel& model,
                                     std::size_t region,
                                     const EventSource& events,
                                     const std::array<MovedPoint, 2>& bases,
                                     std::vector<ObservableAxis> axes,
                                     unsigned threads,
                                     const FitResult& fit);

}  // namespace ratiofarm
