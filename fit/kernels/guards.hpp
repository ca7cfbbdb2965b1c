#pragma once

// The guards of the likelihood, once for everyone who evaluates it (their meaning: Likelihood).
// The kernels are compiled for several instruction sets and include this: nothing here may have
// external linkage or call a library.

namespace ratiofarm {
namespace {

constexpr double relative_floor = 1e-6;    ///< of an event's mixture, relative to its scale
constexpr double smallest_floor = 1e-150;  ///< its square is still a normal number
/// Factors g of an event are held above it: below, g would take the logarithm of a mixture with it.
/// Code 4 stays above between its anchors, powers are positive.
constexpr double smallest_g = 1e-6;
constexpr float largest_log_g = 2.99573227F;  ///< the float nearest to ln 20: anchors are clipped

/// The continuation of ln D below the floor as a function of t = D / floor - 1:
///     L = ln(floor) + value / q,  L' = gradient / q^2 / floor,  -L'' = curvature / q^3 / floor^2.
/// A parabola where w > 0, and bounded where w < 0. \tparam Number double, or one that carries a
/// derivative
template <class Number>
struct Continuation {
    Continuation(Number at, double weight) : t(at), negative(weight < 0.0) {}

    Number q() const { return negative ? one + t * t : one; }
    Number value() const { return t - 0.5 * t * t; }
    Number gradient() const { return negative ? one - t - t * t : one - t; }
    Number curvature() const {
        return negative ? one + 6.0 * t - 3.0 * t * t - 2.0 * t * t * t : one;
    }

    static constexpr Number one{1.0};
    Number t;
    bool negative;
};

}  // namespace
}  // namespace ratiofarm
