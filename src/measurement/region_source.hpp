#pragma once

#include "fit_input.hpp"

namespace ratiofarm {

/// One unbinned region and the sets of its ratio file that enter.
struct RegionSets {
    const Campaign& campaign;
    const StatisticalModel& model;
    const UnbinnedRegion& region;
    std::shared_ptr<const RatioFile> ratios;
    std::vector<FittedSet> sets;
};

/// Collective over comm. The events of a region as a list that several threads read in pieces.
/// Asimov data from samples represent the parameter values they are made for: their weights
/// include the shapes, and the weights of each process sum to its rate.
EventSource region_source(const mpi::Communicator& comm, const RegionSets& input);

/// Checks that no event is in the ratio files of two unbinned regions. Sets
/// of the same sample are compared by the ids of their events; those without ids cannot be.
/// \throws DataError naming two regions, the sample and an event that is in both
void expect_no_shared_events(const Campaign& campaign, const RatioFiles& ratios);

}  // namespace ratiofarm
