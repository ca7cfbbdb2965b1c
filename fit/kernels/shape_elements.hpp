#pragma once

// g, g'/g and g''/g of one shape column for a block of events, lanes are events. Compiled per
// instruction set; see core/lanes.hpp.

#include "shape_lanes.hpp"

namespace ratiofarm {
namespace {

/// e^x to 2e-16 for |x| <= 1/8 in double, 2.6e-8 for |x| <= 1/4 in single precision:
/// (e^x - 1) / x is
/// interpolated in Chebyshev nodes, so that e^0 is exactly 1.
template <class Real>
struct ExpSeries;
template <>
struct ExpSeries<double> {
    static constexpr int degree = 8;
    static constexpr double term[] = {1.0,
                                      0.99999999999999867,
                                      0.49999999999999989,
                                      0.16666666666929547,
                                      0.041666666666929537,
                                      0.0083333324921356384,
                                      0.001388888804772704,
                                      0.00019849883185691733,
                                      2.4810200365624755e-05};
    /// How often the result must be squared where |x| <= 2^reach / 8.
    static constexpr int squarings(int reach) { return reach; }
};
template <>
struct ExpSeries<float> {
    static constexpr int degree = 5;
    static constexpr double term[] = {1.0,
                                      1.0,
                                      0.49999830221208608,
                                      0.16666642420070921,
                                      0.041775294791487963,
                                      0.0083488477882892008};
    static constexpr int squarings(int reach) { return reach > 1 ? reach - 1 : 0; }
};

/// e^x as (e^(x / 2^squarings))^(2^squarings), of several vectors in step, so that the machine
/// always finds one whose last operation is done.
template <int squarings, class Real, int n>
inline void exp_squared(const Vector<Real> (&x)[n], Vector<Real> (&y)[n]) {
    using Series = ExpSeries<Real>;
    constexpr auto term = [](int k) {
        double factor = Series::term[k];
        for (int i = 0; i < k * squarings; ++i) factor *= 0.5;
        return static_cast<Real>(factor);
    };
#pragma GCC unroll 8
    for (int i = 0; i < n; ++i) y[i] = all(term(Series::degree));
#pragma GCC unroll 8
    for (int k = Series::degree - 1; k >= 0; --k) {
#pragma GCC unroll 8
        for (int i = 0; i < n; ++i) y[i] = fma(x[i], y[i], all(term(k)));
    }
#pragma GCC unroll 8
    for (int k = 0; k < squarings; ++k) {
#pragma GCC unroll 8
        for (int i = 0; i < n; ++i) y[i] = y[i] * y[i];
    }
}

inline Doubles times_power_of_two(Doubles x, Doubles k) {
    // The low bits of 1.5 * 2^52 + k are those of the integer k.
    const DoubleBits shifted = reinterpret_cast<DoubleBits>(k + 0x1.8p52) << 52;
    return reinterpret_cast<Doubles>(reinterpret_cast<DoubleBits>(x) + shifted);
}
inline Floats times_power_of_two(Floats x, Floats k) {
    const FloatBits shifted = reinterpret_cast<FloatBits>(k + 0x1.8p23F) << 23;
    return reinterpret_cast<Floats>(reinterpret_cast<FloatBits>(x) + shifted);
}

/// e^x for any x whose result is a normal number; beyond that it stays at the last such.
template <class Real>
inline Vector<Real> exp_any(Vector<Real> x) {
    constexpr bool is_double = sizeof(Real) == sizeof(double);
    constexpr Real limit = is_double ? Real(700) : Real(80);
    constexpr Real magic = is_double ? Real(0x1.8p52) : Real(0x1.8p23);
    x = smaller(greater(x, all(-limit)), all(limit));
    const Vector<Real> k = fma(x, all(Real(1.44269504088896338700)), all(magic)) - magic;
    // ln 2 in two parts, the first with so few bits that its product with k is exact.
    constexpr Real high = is_double ? Real(6.93147180369123816490e-01) : Real(0.693359375);
    constexpr Real low = is_double ? Real(1.90821492927058770002e-10) : Real(-2.12194440e-4);
    const Vector<Real> r[1] = {fma(k, all(-low), fma(k, all(-high), x))};
    Vector<Real> y[1];
    constexpr int squarings = is_double ? 2 : 1;
    exp_squared<squarings, Real>(r, y);
    return times_power_of_two(y[0], k);
}

/// c + u (k0 + ln u (k2 + k4 ln u)) + d (k1 + ln d (k3 + k5 ln d)) of several vectors in step.
/// \param log_g, g  up of all, then down of all
template <class Real, int n>
inline void combine(const ColumnWeights<Real>& at,
                    int which,
                    const Vector<Real> (&log_g)[2 * n],
                    const Vector<Real> (&g)[2 * n],
                    Vector<Real> (&result)[n]) {
    const Real* k = at.weight[which];
    Vector<Real> sides[2 * n];
#pragma GCC unroll 8
    for (int i = 0; i < n; ++i) {
        sides[i] = fma(log_g[i], all(k[4]), all(k[2]));
        sides[n + i] = fma(log_g[n + i], all(k[5]), all(k[3]));
    }
#pragma GCC unroll 8
    for (int i = 0; i < n; ++i) {
        sides[i] = fma(log_g[i], sides[i], all(k[0]));
        sides[n + i] = fma(log_g[n + i], sides[n + i], all(k[1]));
    }
#pragma GCC unroll 8
    for (int i = 0; i < n; ++i) {
        result[i] = fma(g[n + i], sides[n + i], all(at.constant[which]));
    }
#pragma GCC unroll 8
    for (int i = 0; i < n; ++i) result[i] = fma(g[i], sides[i], result[i]);
}

/// The linear form. \param anchors [up, down][block] as stored
/// \param product [block], is multiplied by g
/// \return in each lane the smallest g, before it is held above its floor
template <int squarings, class Real, class Stored>
Vector<Real> linear_column(const ColumnWeights<Real>& at,
                           const Stored* anchors,
                           Real* gradient,
                           Real* curvature,
                           Real* product) {
    constexpr std::size_t half = shape_block / 2;
    Vector<Real> lowest = all(Real(1));
    for (std::size_t i = 0; i < half; i += lanes_of<Real>) {
        // Events i and i + half go together and share one division.
        const Stored* down = anchors + shape_block;
        const Vector<Real> log_g[4] = {stored<Real>(anchors + i), stored<Real>(anchors + half + i),
                                       stored<Real>(down + i), stored<Real>(down + half + i)};
        Vector<Real> g[4];
        exp_squared<squarings, Real>(log_g, g);
        Vector<Real> value[2];
        Vector<Real> first[2];
        Vector<Real> second[2];
        combine<Real, 2>(at, 0, log_g, g, value);
        lowest = smaller(smaller(value[0], value[1]), lowest);
        value[0] = greater(value[0], all(at.smallest));
        value[1] = greater(value[1], all(at.smallest));
        const Vector<Real> both = Real(1) / (value[0] * value[1]);
        combine<Real, 2>(at, 1, log_g, g, first);
        combine<Real, 2>(at, 2, log_g, g, second);
        store(product + i, load(product + i) * value[0]);
        store(product + half + i, load(product + half + i) * value[1]);
        const Vector<Real> inverse[2] = {both * value[1], both * value[0]};
        store(gradient + i, first[0] * inverse[0]);
        store(gradient + half + i, first[1] * inverse[1]);
        store(curvature + i, second[0] * inverse[0]);
        store(curvature + half + i, second[1] * inverse[1]);
    }
    return lowest;
}

template <class Real, class Stored>
Vector<Real> linear_column(int squarings,
                           const ColumnWeights<Real>& at,
                           const Stored* anchors,
                           Real* gradient,
                           Real* curvature,
                           Real* product) {
    switch (squarings) {
        case 0: return linear_column<0>(at, anchors, gradient, curvature, product);
        case 1: return linear_column<1>(at, anchors, gradient, curvature, product);
        case 2: return linear_column<2>(at, anchors, gradient, curvature, product);
        case 3: return linear_column<3>(at, anchors, gradient, curvature, product);
        case 4: return linear_column<4>(at, anchors, gradient, curvature, product);
        default: return linear_column<5>(at, anchors, gradient, curvature, product);
    }
}

/// u = v = 0 where g was held. \return events with weight among them
template <class Real, class Stored>
double hold_column(int squarings,
                   const ColumnWeights<Real>& at,
                   const ShapeBlock& block,
                   const Stored* anchors,
                   Real* gradient,
                   Real* curvature) {
    // g alone, as above: with a floor at minus infinity its product with 1 is g itself.
    ColumnWeights<Real> unheld = at;
    unheld.smallest = Real(-__builtin_inff());
    alignas(64) Real g[shape_block];
    alignas(64) Real unused[2][shape_block];
    for (Real& x : g) x = Real(1);
    linear_column(squarings, unheld, anchors, unused[0], unused[1], g);
    double count = 0.0;
    for (std::size_t i = 0; i < shape_block; ++i) {
        if (!(g[i] < at.smallest)) continue;
        gradient[i] = Real(0);
        curvature[i] = Real(0);
        if (block.weight[i] != 0.0) count += 1.0;
    }
    return count;
}

/// g = u^alpha or d^-alpha: g'/g is plus or minus the logarithm.
template <class Real, class Stored>
void power_column(const ColumnWeights<Real>& at,
                  const Stored* anchors,
                  Real* gradient,
                  Real* curvature,
                  Real* product) {
    constexpr std::size_t step = lanes_of<Real>;
    const Stored* from = at.side > 0 ? anchors : anchors + shape_block;
    const auto sign = static_cast<Real>(at.side);
    for (std::size_t i = 0; i < shape_block; i += step) {
        const Vector<Real> log_g = stored<Real>(from + i);
        store(gradient + i, log_g * sign);
        store(curvature + i, log_g * log_g);
        store(product + i, load(product + i) * exp_any<Real>(log_g * at.power));
    }
}

/// ln g = k0 ln u + k1 ln d: g'/g is its derivative, g''/g that squared and the second one.
template <class Real, class Stored>
void both_column(const ColumnWeights<Real>& at,
                 const Stored* anchors,
                 Real* gradient,
                 Real* curvature,
                 Real* product) {
    for (std::size_t i = 0; i < shape_block; i += lanes_of<Real>) {
        const Vector<Real> up = stored<Real>(anchors + i);
        const Vector<Real> down = stored<Real>(anchors + shape_block + i);
        const auto order = [&](std::size_t q) {
            return up * at.weight[q][0] + down * at.weight[q][1];
        };
        const Vector<Real> slope = order(1);
        store(gradient + i, slope);
        store(curvature + i, slope * slope + order(2));
        store(product + i, load(product + i) * exp_any<Real>(order(0)));
    }
}

/// T, u and v of the columns of one process.
template <class Real, class Stored>
void shape_process(const ShapePlan& plan,
                   const ShapePoint<Real>& point,
                   const ShapeBlock& block,
                   const ShapeWork<Real>& work,
                   std::size_t process) {
    double* ratio = work.ratio + process * shape_block;
    alignas(64) Real product[shape_block];
    const auto one = [&] {
        for (std::size_t i = 0; i < shape_block; i += lanes_of<Real>) {
            store(product + i, all(Real(1)));
        }
    };
    const auto fold = [&] {
        for (std::size_t i = 0; i < shape_block; i += width) {
            store(ratio + i, load(ratio + i) * load_wide(product + i));
        }
    };
    // In single precision no more than four factors, so that nothing overflows.
    constexpr std::size_t fold_every = sizeof(Real) == sizeof(double) ? ~std::size_t{0} : 4;
    const double* nominal = block.ratio + process * block.ratio_stride;
    for (std::size_t i = 0; i < shape_block; i += width) store(ratio + i, load(nominal + i));
    one();
    std::size_t open = 0;
    for (std::size_t c = plan.first_column[process]; c < plan.first_column[process + 1]; ++c) {
        const auto* anchors = static_cast<const Stored*>(block.log_g) + c * 2 * shape_block;
        const ColumnWeights<Real>& at = point.columns[c];
        Real* gradient = work.gradient + c * shape_block;
        Real* curvature = work.curvature + c * shape_block;
        if (at.side == 2) {
            both_column(at, anchors, gradient, curvature, product);
        } else if (at.side != 0) {
            power_column(at, anchors, gradient, curvature, product);
        } else {
            const int squarings = ExpSeries<Real>::squarings(block.reach[c]);
            const Vector<Real> lowest =
                linear_column(squarings, at, anchors, gradient, curvature, product);
            if (any_less(lowest, all(at.smallest))) {
                work.clipped[process] +=
                    hold_column(squarings, at, block, anchors, gradient, curvature);
            }
        }
        if (++open == fold_every) {
            fold();
            one();
            open = 0;
        }
    }
    fold();
}

}  // namespace
}  // namespace ratiofarm
