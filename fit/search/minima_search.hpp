#pragma once

#include <cstdint>
#include <vector>

#include "newton.hpp"

namespace ratiofarm {

struct MinimaSearchOptions {
    NewtonOptions newton;
    unsigned starts = 4;            ///< probes along each axis, over its range
    std::vector<std::size_t> axes;  ///< along which there may be several minima
    double same_minimum = 1e-2;     ///< in units of 2 NLL, by the Hessian of the known one
    double depth = 12.5;  ///< minima higher than this above the first are not looked for: t = 25
};

struct FoundMinima {
    std::vector<NewtonResult> minima;  ///< distinct, in the order found; at least one, which has
                                       ///< not converged where none has
    std::uint64_t first_passes = 0;    ///< evaluations of the first descent
    std::uint64_t search_passes = 0;   ///< of probes and further descents
};

/// Descends from a start, then looks for further minima along the axes. A probe is one evaluation:
/// with the other components moved by one Newton step it knows value and gradient of the profile. A
/// second descent is made only where gradients or values of neighbouring probes show a dip that no
/// known minimum explains, or a fall towards an end of the range, also after a second look.
FoundMinima find_minima(const Objective& objective,
                        const SearchSpace& space,
                        const std::vector<double>& start,
                        const MinimaSearchOptions& options);

}  // namespace ratiofarm
