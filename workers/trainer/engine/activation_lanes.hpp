#pragma once

// Activations over vectors of floats, for kernels only: see core/lanes.hpp.

#include "core/lanes.hpp"

namespace ratiofarm::trainer {
namespace {

/// A function and its derivative.
struct Point {
    Floats value;
    Floats slope;
};

/// 1 + 2^(x scale) for x cut to [-limit, limit], within which 2^(x scale) is a normal number; NaN
/// stays NaN. The power to 1e-7 of itself and of the exponent: polynomial of least relative error.
inline Floats one_plus_power(Floats x, float scale, float limit) {
    const Floats bounded = smaller(all(limit), greater(all(-limit), x));
    constexpr float rounder = 12582912.0F;  // 1.5 * 2^23: its last bit counts ones
    const Floats shifted = fma(bounded, all(scale), all(rounder));
    const Floats f = fma(bounded, all(scale), rounder - shifted);
    Floats y = fma(f, all(1.535336206e-4F), all(1.339887456e-3F));
    y = fma(y, f, all(9.618437358e-3F));
    y = fma(y, f, all(5.550332471e-2F));
    y = fma(y, f, all(2.402264791e-1F));
    y = fma(y, f, all(6.931472029e-1F));
    y = fma(y, f, all(1.0F));
    const FloatBits exponent = (reinterpret_cast<FloatBits>(shifted) << 23) + 0x3f800000U;
    return fma(y, reinterpret_cast<Floats>(exponent), all(1.0F));
}

constexpr float log2_e = 1.44269504088896341F;

inline Floats sigmoid(Floats x) { return 1.0F / one_plus_power(x, -log2_e, 87.0F); }

struct Silu {
    static Point at(Floats x) {
        const Floats s = sigmoid(x);
        const Floats value = x * s;
        return {value, fma(value, 1.0F - s, s)};
    }
};
struct Tanh {
    static Point at(Floats x) {
        const Floats value = 1.0F - 2.0F / one_plus_power(x, 2.0F * log2_e, 43.0F);
        return {value, 1.0F - value * value};
    }
};
struct Relu {
    /// As at::clamp_min: a NaN stays one.
    static Point at(Floats x) { return {x < 0.0F ? Floats{} : x, x > 0.0F ? all(1.0F) : Floats{}}; }
};

}  // namespace
}  // namespace ratiofarm::trainer
