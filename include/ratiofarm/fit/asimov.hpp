#pragma once

#include <span>
#include <vector>

#include "ratiofarm/fit/event_set.hpp"
#include "ratiofarm/physics/statistical_model.hpp"

namespace ratiofarm {

/// Asimov data from the samples: the events of process j enter with weight * factor_j, where
/// factor_j = f_j(theta) nu_j / sum_j, so that they represent f_j p_j with its sign. This tests
/// bias: the events know nothing of the learned ratios.
/// \param theta [parameters of model], external coordinates
/// \param sums_of_weights [processes], of the events of each process that will enter, > 0
/// \return [processes]; 0 for a process with f_j = 0, whose events can be left out
/// \throws DataError if a sum of weights is needed and not positive
std::vector<double> asimov_sample_factors(const StatisticalModel& model,
                                          const UnbinnedRegion& region,
                                          std::span<const double> theta,
                                          std::span<const double> sums_of_weights);

/// Asimov data from the reference: weight_i = w_i / sum_w * D_i(theta). It closes by construction
/// as far as the ratios are normalised on these events.
/// \param reference reference events of this rank, weights w_i
/// \param sum_of_weights of the reference events of all ranks, > 0
/// \throws DataError as above
EventSet asimov_from_reference(const StatisticalModel& model,
                               const UnbinnedRegion& region,
                               std::span<const double> theta,
                               EventSet reference,
                               double sum_of_weights);

/// Data: the same events, each with weight 1.
EventSet unweighted(EventSet events);

}  // namespace ratiofarm
