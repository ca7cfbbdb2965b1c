#pragma once

#include <vector>

#include "ratiofarm/fit/event_set.hpp"
#include "ratiofarm/physics/interpolation.hpp"

#include "region_events.hpp"

namespace ratiofarm {

/// A mixture at one point of the parameters.
struct MixtureAt {
    RegionLayout layout;
    std::vector<double> rates;  ///< [S], R_j
    std::vector<double> alpha;  ///< [P]
};

/// g(alpha) of one event with the guards of Likelihood: anchors are clipped, and g is held above a
/// floor. \param weights of alpha  \param log_up, log_down ln g at alpha = +1 and -1
double guarded_factor(const InterpolationWeights& weights, float log_up, float log_down);

/// D_i = sum_j R_j r_ij prod_m g_ijm(alpha_m) of every event, with the guards of Likelihood on g.
/// The same bits on every machine. \return [n]
/// \throws DataError naming the event if a log ratio cannot be used
std::vector<double> mixture_values(const MixtureAt& mixture, const EventSet& events);

}  // namespace ratiofarm
