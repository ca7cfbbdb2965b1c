#pragma once

#include <span>
#include <vector>

#include "results/unfold_json.hpp"

#include "unfolded_sample.hpp"

namespace ratiofarm {

/// Fills every chain group in the bins of the observables, which gives a covariance for each
/// source: spread of the replicas of the data and of the simulation, scatter of the members,
/// difference of each variation. Then what follows from their sum: errors, `change` of the
/// iterations, the truth's half of the bottom line. Without any source errors are NaN.
/// \param observables of unfolded_spectra()
void add_unfolded_errors(UnfoldedSamples& samples,
                         std::span<const ChainGroup> groups,
                         std::vector<UnfoldedObservable>& observables);

}  // namespace ratiofarm
