#pragma once

#include <functional>
#include <span>
#include <vector>

#include "ratiofarm/fit/likelihood.hpp"

namespace ratiofarm {

/// Value and derivatives at a point. [n] -> Evaluation
using Objective = std::function<Evaluation(std::span<const double>)>;

/// Where Newton may go, in internal coordinates.
struct SearchSpace {
    std::vector<double> low;   ///< [n]
    std::vector<double> high;  ///< [n], > low
    std::vector<bool> held;    ///< [n], components that stay at their start
};

struct NewtonOptions {
    unsigned max_iterations = 100;
    double edm = 1e-16;
    /// Ends the search early where another search has already been; may be empty.
    std::function<bool(std::span<const double>)> already_known;
};

/// How the model looks at a point, over the components that can move.
struct Curvature {
    std::vector<std::size_t> free;  ///< not held, and not pushed against a side of the box
    double edm = 0.0;               ///< gain of a Newton step; along flat or falling directions
                                    ///< the gain over the whole range
    bool flat = false;              ///< some direction has no curvature to speak of
};

struct NewtonResult {
    std::vector<double> u;
    Evaluation at;
    Curvature curvature;
    bool converged = false;
    bool known = false;  ///< stopped by already_known
};

/// \param u inside the box
Curvature curvature_at(const SearchSpace& space, std::span<const double> u, const Evaluation& at);

/// Trust-region Newton inside a box, for exact and possibly indefinite Hessians.
/// \param start [n], moved into the box
NewtonResult minimise(const Objective& objective,
                      const SearchSpace& space,
                      std::vector<double> start,
                      const NewtonOptions& options);

}  // namespace ratiofarm
