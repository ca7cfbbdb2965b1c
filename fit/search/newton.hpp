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
    /// [n], or empty: components whose derivative jumps at 0, inside their range. The function is
    /// smooth on both sides; the sign of a component, also of a zero, says which side is meant.
    std::vector<bool> kinked = {};

    double range(std::size_t a) const { return high[a] - low[a]; }
    double clamped(std::size_t a, double value) const;

    /// The part of the range on the same side of the kink as a value.
    double low_from(std::size_t a, double value) const;
    double high_from(std::size_t a, double value) const;
    /// As clamped(), and no further than the kink.
    double stepped(std::size_t a, double from, double value) const;
    bool is_kinked(std::size_t a) const { return !kinked.empty() && kinked[a]; }
};

struct NewtonOptions {
    unsigned max_iterations = 100;
    double edm = 1e-16;
    /// Ends the search early where another search has already been; may be empty.
    std::function<bool(std::span<const double>)> already_known = {};
};

/// How the model looks at a point, over the components that can move.
struct Curvature {
    std::vector<std::size_t> free;  ///< not held, and not pushed against a side of the box or a
                                    ///< kink
    double edm = 0.0;               ///< gain of a Newton step; along flat or falling directions
                                    ///< the gain over the whole range
    bool flat = false;              ///< some direction has no curvature to speak of
    bool positive = true;           ///< every direction curves upwards
};

/// Why a search ended.
enum class NewtonEnd {
    converged,     ///< edm below what was asked for
    at_rounding,   ///< rounding of the objective hides what edm still promises; also a minimum
    known,         ///< stopped by already_known
    not_converged  ///< out of iterations, or far from a minimum without a way down
};

struct NewtonResult {
    std::vector<double> u;
    Evaluation at;
    Curvature curvature;
    NewtonEnd end = NewtonEnd::not_converged;

    bool converged() const { return end == NewtonEnd::converged || end == NewtonEnd::at_rounding; }
};

/// Squared distance in the metric of the Hessian at a minimum: in units of 2 NLL.
double distance(const NewtonResult& minimum, std::span<const double> u);

/// \param u inside the box
Curvature curvature_at(const SearchSpace& space, std::span<const double> u, const Evaluation& at);

/// Trust-region Newton inside a box. The model is the exact Hessian; where that is indefinite the
/// Fisher form, unless it promises little, as it does at a saddle point. Steps whose gain drowns in
/// the rounding of the value are judged by the gradient. No step crosses a kink: a component stops
/// there, and goes on where the function falls on the other side. It stays where the function rises
/// on both sides, with the sign of either.
/// \param start [n], moved into the box
NewtonResult minimise(const Objective& objective,
                      const SearchSpace& space,
                      std::vector<double> start,
                      const NewtonOptions& options);

}  // namespace ratiofarm
