#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "newton.hpp"

namespace ratiofarm {

/// Minima higher than this above a known one are not looked for: t = 25.
inline constexpr double worthwhile_depth = 12.5;

struct MinimaSearchOptions {
    NewtonOptions newton;
    unsigned starts = 4;            ///< probes along each axis, over its range
    std::vector<std::size_t> axes;  ///< along which there may be several minima
    /// Components that may have a minimum on either side of 0, by their effects at u: these turn
    /// round or bend there.
    std::function<std::vector<std::size_t>(std::span<const double>)> turning = {};
    std::vector<std::vector<double>> places = {};  ///< where to descend from as well
    double same_minimum = 1e-2;  ///< in units of 2 NLL, by the Hessian of the known one
    double depth = worthwhile_depth;
};

struct FoundMinima {
    std::vector<NewtonResult> minima;  ///< distinct, in the order found; at least one. The first
                                       ///< has not converged where none has, or where a descent
                                       ///< that failed lies below all of them
    std::uint64_t first_passes = 0;    ///< evaluations of the first descent
    std::uint64_t search_passes = 0;   ///< of probes and further descents
};

/// Where to descend from for a minimum beyond 0 of a turning component: at a kink each place, else
/// where one probe shows that it may be worthwhile. \param known a minimum over the components that
/// are not held
std::vector<std::vector<double>> starts_across(const Objective& objective,
                                               const SearchSpace& space,
                                               const NewtonResult& known,
                                               std::size_t axis);

/// The same for any places of a component.
std::vector<std::vector<double>> starts_at(const Objective& objective,
                                           const SearchSpace& space,
                                           const NewtonResult& known,
                                           std::size_t axis,
                                           const std::vector<double>& places);

/// Descends from a start, then looks for further minima along the axes. A probe is one evaluation
/// near the minimum of the other components: with a Newton step of them it knows value and gradient
/// of the profile. A second descent is made only where gradients or values of neighbouring probes
/// show a dip that no known minimum explains, or a fall towards an end of the range, also after a
/// second look. For a turning component probes are made beyond 0, near and far from it, from the
/// deepest minimum, and a descent at either side of a kink; where the deepest minimum changes, all
/// of this again from there. Where it is at the end of the range of a component that is no axis,
/// descents from the ends of the axes follow.
FoundMinima find_minima(const Objective& objective,
                        const SearchSpace& space,
                        const std::vector<double>& start,
                        const MinimaSearchOptions& options);

}  // namespace ratiofarm
