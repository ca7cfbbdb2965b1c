#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "toys_plan.hpp"

namespace ratiofarm {

/// Bins of one observable of the events of one unbinned region: the same for data and toys, and
/// chosen without looking at the data.
struct ObservableBins {
    std::size_t region = 0;
    std::string observable;
    std::vector<double> edges;        ///< inner ones
    std::vector<std::uint32_t> list;  ///< [events that toys are drawn from], bin of each
    std::vector<std::uint32_t> data;  ///< [events of the data's list], bin of each
    std::size_t size() const { return edges.size() + 1; }
};

/// d ln D / d poi of each event of a region, the optimal observable, by a difference over a small
/// step. Constant where the region knows nothing of the parameter of interest.
std::vector<double> optimal_observable(const StatisticalModel& model,
                                       std::size_t region,
                                       std::span<const double> theta,
                                       const EventSet& events);

/// Not collective. Quantile bins of the optimal observable d ln D / d poi at the Asimov point, and
/// of each feature if the events file is available; they expect about equal numbers of events.
/// \param bins at most, with 5 events expected in each
std::vector<ObservableBins> observable_bins(const ToyPlan& plan,
                                            const FitSource& source,
                                            std::size_t bins);

}  // namespace ratiofarm
