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

/// Collective over comm. The events of a region as a list that is read in pieces, by several
/// threads at once. Asimov data from samples stand for the parameters they are made at: their
/// weights carry the shapes, and the sum of each process' weights is its rate.
EventSource region_source(const mpi::Communicator& comm, const RegionSets& input);

}  // namespace ratiofarm
