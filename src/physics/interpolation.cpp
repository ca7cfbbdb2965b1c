#include "ratiofarm/physics/interpolation.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {
namespace {

/// A function of alpha with its first two derivatives.
using Jet = std::array<double, 3>;

/// sum_n a_n alpha^n of sixth order.
using SixthOrder = std::array<double, 7>;

Jet jet(const SixthOrder& a, double alpha) {
    Jet result{};
    for (std::size_t n = a.size(); n-- > 0;) {
        result[2] = result[2] * alpha + 2.0 * result[1];
        result[1] = result[1] * alpha + result[0];
        result[0] = result[0] * alpha + a[n];
    }
    return result;
}

/// How much of each shift an additive code takes: Delta = up (I+ - I0) + down (I- - I0).
struct ShiftWeights {
    Jet up{};
    Jet down{};
};

/// On which side of the kink at 0: zero has a sign, too.
bool is_upper(double alpha) { return !std::signbit(alpha); }

ShiftWeights piecewise_linear(double alpha) {
    if (is_upper(alpha)) return {{alpha, 1.0, 0.0}, {}};
    return {{}, {-alpha, -1.0, 0.0}};
}

/// The parabola through the anchors; beyond them its tangents. At an anchor the second derivative
/// jumps, and the upper side is the tangent at +1, the parabola at -1.
ShiftWeights parabola(double alpha) {
    if (alpha >= 1.0) return {{1.5 * alpha - 0.5, 1.5, 0.0}, {0.5 * (alpha - 1.0), 0.5, 0.0}};
    if (alpha < -1.0) return {{-0.5 * (alpha + 1.0), -0.5, 0.0}, {-0.5 - 1.5 * alpha, -1.5, 0.0}};
    return {{0.5 * alpha * (alpha + 1.0), alpha + 0.5, 1.0},
            {0.5 * alpha * (alpha - 1.0), alpha - 0.5, 1.0}};
}

ShiftWeights sixth_order(double alpha) {
    if (std::abs(alpha) >= 1.0) return piecewise_linear(alpha);
    const Jet odd{0.5 * alpha, 0.5, 0.0};
    const Jet even = jet({0.0, 0.0, 15.0 / 16.0, 0.0, -10.0 / 16.0, 0.0, 3.0 / 16.0}, alpha);
    ShiftWeights weights;
    for (std::size_t k = 0; k < 3; ++k) {
        weights.up[k] = even[k] + odd[k];
        weights.down[k] = even[k] - odd[k];
    }
    return weights;
}

ShiftWeights shift_weights(Interpolation code, double alpha) {
    RATIOFARM_EXPECT(is_additive(code));
    if (code == Interpolation::code0) return piecewise_linear(alpha);
    if (code == Interpolation::code2) return parabola(alpha);
    return sixth_order(alpha);
}

Interpolated power(double anchor, double exponent, double sign) {
    const double log = sign * std::log(anchor);
    const double value = std::pow(anchor, exponent);
    return {value, value * log, value * log * log};
}

/// The polynomial that meets the exponentials at +-1 up to the second derivative.
Interpolated inner_code4(double u, double d, double alpha) {
    const double log_u = std::log(u);
    const double log_d = std::log(d);
    const double s0 = 0.5 * (u + d);
    const double a0 = 0.5 * (u - d);
    const double s1 = 0.5 * (u * log_u - d * log_d);
    const double a1 = 0.5 * (u * log_u + d * log_d);
    const double s2 = 0.5 * (u * log_u * log_u + d * log_d * log_d);
    const double a2 = 0.5 * (u * log_u * log_u - d * log_d * log_d);
    const Jet g =
        jet({1.0, (15.0 * a0 - 7.0 * s1 + a2) / 8.0, (-24.0 + 24.0 * s0 - 9.0 * a1 + s2) / 8.0,
             (-5.0 * a0 + 5.0 * s1 - a2) / 4.0, (12.0 - 12.0 * s0 + 7.0 * a1 - s2) / 4.0,
             (3.0 * a0 - 3.0 * s1 + a2) / 8.0, (-8.0 + 8.0 * s0 - 5.0 * a1 + s2) / 8.0},
            alpha);
    return {g[0], g[1], g[2]};
}

/// Weights k0 .. k5 and c of inner_code4: the same polynomial, sorted by anchor.
InterpolationWeights inner_code4_weights(double alpha) {
    const Jet one = jet({1.0, 0.0, -3.0, 0.0, 3.0, 0.0, -1.0}, alpha);
    // [power of the logarithm]: what is even in alpha has one sign for both anchors, odd two.
    const std::array<Jet, 3> even{jet({0.0, 0.0, 1.5, 0.0, -1.5, 0.0, 0.5}, alpha),
                                  jet({0.0, 0.0, -9.0 / 16, 0.0, 7.0 / 8, 0.0, -5.0 / 16}, alpha),
                                  jet({0.0, 0.0, 1.0 / 16, 0.0, -1.0 / 8, 0.0, 1.0 / 16}, alpha)};
    const std::array<Jet, 3> odd{jet({0.0, 15.0 / 16, 0.0, -5.0 / 8, 0.0, 3.0 / 16, 0.0}, alpha),
                                 jet({0.0, -7.0 / 16, 0.0, 5.0 / 8, 0.0, -3.0 / 16, 0.0}, alpha),
                                 jet({0.0, 1.0 / 16, 0.0, -1.0 / 8, 0.0, 1.0 / 16, 0.0}, alpha)};
    InterpolationWeights weights;
    weights.constant = one;
    for (std::size_t order = 0; order < 3; ++order) {
        for (std::size_t log = 0; log < 3; ++log) {
            weights.weight[order][2 * log] = even[log][order] + odd[log][order];
            weights.weight[order][2 * log + 1] = even[log][order] - odd[log][order];
        }
    }
    return weights;
}

/// ln g = alpha (ln u - ln d) / 2 + alpha^2 (ln u + ln d) / 2, sorted by anchor.
ShiftWeights quadratic_exponent(double alpha) {
    return {{0.5 * (alpha + alpha * alpha), 0.5 + alpha, 1.0},
            {0.5 * (alpha * alpha - alpha), alpha - 0.5, 1.0}};
}

bool is_power(Interpolation code, double alpha) {
    return code == Interpolation::code1 || (code == Interpolation::code4 && std::abs(alpha) >= 1.0);
}

}  // namespace

Interpolated interpolate(Interpolation code, const Anchors& anchors, double alpha) {
    if (is_additive(code)) {
        Interpolated g = interpolate_shift(code, anchors.up - 1.0, anchors.down - 1.0, alpha);
        g.value += 1.0;
        return g;
    }
    RATIOFARM_EXPECT(anchors.up > 0.0 && anchors.down > 0.0);
    if (code == Interpolation::exp_quadratic) {
        const ShiftWeights of = quadratic_exponent(alpha);
        Jet log_g{};
        for (std::size_t k = 0; k < 3; ++k) {
            log_g[k] = of.up[k] * std::log(anchors.up) + of.down[k] * std::log(anchors.down);
        }
        const double g = std::exp(log_g[0]);
        return {g, g * log_g[1], g * (log_g[1] * log_g[1] + log_g[2])};
    }
    if (!is_power(code, alpha)) return inner_code4(anchors.up, anchors.down, alpha);
    return is_upper(alpha) ? power(anchors.up, alpha, 1.0) : power(anchors.down, -alpha, -1.0);
}

Interpolated interpolate_shift(Interpolation code,
                               double up_shift,
                               double down_shift,
                               double alpha) {
    const ShiftWeights weights = shift_weights(code, alpha);
    const auto shift = [&](std::size_t order) {
        return weights.up[order] * up_shift + weights.down[order] * down_shift;
    };
    return {shift(0), shift(1), shift(2)};
}

InterpolationWeights interpolation_weights(Interpolation code, double alpha) {
    if (is_power(code, alpha)) {
        using Form = InterpolationWeights::Form;
        InterpolationWeights weights;
        weights.form = is_upper(alpha) ? Form::power_of_up : Form::power_of_down;
        weights.power = std::abs(alpha);
        return weights;
    }
    if (code == Interpolation::code4) return inner_code4_weights(alpha);
    InterpolationWeights weights;
    const bool exponent = code == Interpolation::exp_quadratic;
    if (exponent) weights.form = InterpolationWeights::Form::power_of_both;
    const ShiftWeights shift = exponent ? quadratic_exponent(alpha) : shift_weights(code, alpha);
    for (std::size_t order = 0; order < 3; ++order) {
        weights.constant[order] = (order == 0 ? 1.0 : 0.0) - shift.up[order] - shift.down[order];
        weights.weight[order][0] = shift.up[order];
        weights.weight[order][1] = shift.down[order];
    }
    return weights;
}

}  // namespace ratiofarm
