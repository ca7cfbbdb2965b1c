#pragma once

#include <array>
#include <cstdint>

#include "ratiofarm/core/enum_words.hpp"

namespace ratiofarm {

/// How an effect known at alpha = +1 and -1 goes on to other alpha. Named as in HistFactory.
enum class Interpolation : std::uint8_t {
    code0,          ///< additive, piecewise linear; a kink at 0
    code1,          ///< multiplicative, piecewise exponential; a kink at 0
    code2,          ///< additive, parabola inside, continued linearly; continuous
    code4,          ///< multiplicative, sixth-order polynomial inside, exponential outside; C2
    code4p,         ///< additive, sixth-order polynomial inside, linear outside; C2
    exp_quadratic,  ///< multiplicative, exp(a alpha + b alpha^2) everywhere, as in MadMiner
};
template <>
inline constexpr auto enum_words<Interpolation> =
    words("code0", "code1", "code2", "code4", "code4p", "exp_quadratic");

/// Whether shifts at +1 and -1 are added; else their factors are multiplied.
constexpr bool is_additive(Interpolation code) {
    return code == Interpolation::code0 || code == Interpolation::code2 ||
           code == Interpolation::code4p;
}

/// Effects at alpha = +1 and -1 relative to the nominal one, > 0.
struct Anchors {
    double up = 1.0;
    double down = 1.0;
    bool operator==(const Anchors&) const = default;
};

/// A function of alpha at one point. At the kink of code0 and code1 the derivatives at 0.0 are
/// those of the upper side, at -0.0 those of the lower side.
struct Interpolated {
    double value = 1.0;
    double gradient = 0.0;   ///< first derivative in alpha
    double curvature = 0.0;  ///< second derivative in alpha
};

/// The factor g(alpha) with g(0) = 1, g(1) = up, g(-1) = down. Additive codes may fall to zero and
/// below. \param anchors > 0 for those that are not additive
Interpolated interpolate(Interpolation code, const Anchors& anchors, double alpha);

/// An additive shift of a bin's content: Delta(0) = 0, Delta(1) = up - nominal.
/// \pre is_additive(code)
Interpolated interpolate_shift(Interpolation code,
                               double up_shift,
                               double down_shift,
                               double alpha);

/// What interpolate() computes, arranged for many anchors at one alpha: with u = up, d = down
///     g = c + k0 u + k1 d + k2 u ln u + k3 d ln d + k4 u ln^2 u + k5 d ln^2 d
/// for the value, gradient and curvature each with their own c and k; or a power of one anchor,
///     g = u^alpha (side up) or g = d^-alpha (side down); or a power of both,
///     ln g = k0 ln u + k1 ln d, and its gradient and curvature with their own k.
struct InterpolationWeights {
    enum class Form : std::uint8_t { linear, power_of_up, power_of_down, power_of_both };
    Form form = Form::linear;
    double power = 0.0;                             ///< alpha or -alpha; of the power forms
    std::array<double, 3> constant{1.0, 0.0, 0.0};  ///< of value, gradient, curvature
    std::array<std::array<double, 6>, 3> weight{};  ///< [value, gradient, curvature][k]
};
InterpolationWeights interpolation_weights(Interpolation code, double alpha);

}  // namespace ratiofarm
