#pragma once

// Vectors as wide as a register, RATIOFARM_LANE_WIDTH doubles or twice as many floats, and what
// kernels do with them. Compiled once per instruction set (cmake/InstructionSets.cmake), each time
// into an unnamed namespace: nothing here may have external linkage, or a function compiled for a
// newer machine could end up in a program run on an older one. Only whole operations on lanes,
// every fused multiply-add spelled out: the bits are those of the scalar program run lane by lane.
// No library calls on purpose.

#include <cstddef>
#include <cstdint>

#ifndef RATIOFARM_LANE_WIDTH
#define RATIOFARM_LANE_WIDTH 2
#endif
#if RATIOFARM_LANE_WIDTH > 2
#include <immintrin.h>
#endif

namespace ratiofarm {
namespace {

constexpr int width = RATIOFARM_LANE_WIDTH;  ///< doubles of a vector

using Doubles = double __attribute__((vector_size(8 * width)));
using Floats = float __attribute__((vector_size(8 * width)));
using DoubleBits = unsigned long long __attribute__((vector_size(8 * width)));
using FloatBits = std::uint32_t __attribute__((vector_size(8 * width)));
using HalfAsManyFloats = float __attribute__((vector_size(4 * width)));

using LooseDoubles = double __attribute__((vector_size(8 * width), aligned(8), may_alias));
using LooseFloats = float __attribute__((vector_size(8 * width), aligned(4), may_alias));
using HalfAsManyLooseFloats = float __attribute__((vector_size(4 * width), aligned(4), may_alias));

inline Doubles load(const double* from) { return *reinterpret_cast<const LooseDoubles*>(from); }
inline Floats load(const float* from) { return *reinterpret_cast<const LooseFloats*>(from); }
inline void store(double* to, Doubles value) { *reinterpret_cast<LooseDoubles*>(to) = value; }
inline void store(float* to, Floats value) { *reinterpret_cast<LooseFloats*>(to) = value; }

/// Loads as doubles, whatever they are.
inline Doubles load_wide(const double* from) { return load(from); }
inline Doubles load_wide(const float* from) {
#if RATIOFARM_LANE_WIDTH == 8
    return _mm512_cvtps_pd(_mm256_loadu_ps(from));
#elif RATIOFARM_LANE_WIDTH == 4
    return _mm256_cvtps_pd(_mm_loadu_ps(from));
#else
    return __builtin_convertvector(*reinterpret_cast<const HalfAsManyLooseFloats*>(from), Doubles);
#endif
}

/// Stores doubles as what they are stored to.
inline void store_as(double* to, Doubles value) { store(to, value); }
inline void store_as(float* to, Doubles value) {
    *reinterpret_cast<HalfAsManyLooseFloats*>(to) =
        __builtin_convertvector(value, HalfAsManyFloats);
}

inline Doubles all(double value) { return value - Doubles{}; }  // exact, also for minus zero
inline Floats all(float value) { return value - Floats{}; }

inline Doubles fma(Doubles a, Doubles b, Doubles c) {
#if RATIOFARM_LANE_WIDTH == 8
    return _mm512_fmadd_pd(a, b, c);
#elif RATIOFARM_LANE_WIDTH == 4
    return _mm256_fmadd_pd(a, b, c);
#else
    Doubles result = c;
    for (int l = 0; l < width; ++l) result[l] = __builtin_fma(a[l], b[l], c[l]);
    return result;
#endif
}
inline Floats fma(Floats a, Floats b, Floats c) {
#if RATIOFARM_LANE_WIDTH == 8
    return _mm512_fmadd_ps(a, b, c);
#elif RATIOFARM_LANE_WIDTH == 4
    return _mm256_fmadd_ps(a, b, c);
#else
    Floats result = c;
    for (int l = 0; l < 2 * width; ++l) result[l] = __builtin_fmaf(a[l], b[l], c[l]);
    return result;
#endif
}

inline Doubles sqrt(Doubles x) {
#if RATIOFARM_LANE_WIDTH == 8
    return _mm512_sqrt_pd(x);
#elif RATIOFARM_LANE_WIDTH == 4
    return _mm256_sqrt_pd(x);
#else
    for (int l = 0; l < width; ++l) x[l] = __builtin_sqrt(x[l]);
    return x;
#endif
}
inline Floats sqrt(Floats x) {
#if RATIOFARM_LANE_WIDTH == 8
    return _mm512_sqrt_ps(x);
#elif RATIOFARM_LANE_WIDTH == 4
    return _mm256_sqrt_ps(x);
#else
    for (int l = 0; l < 2 * width; ++l) x[l] = __builtin_sqrtf(x[l]);
    return x;
#endif
}

/// a > b ? a : b
inline Doubles greater(Doubles a, Doubles b) {
#if RATIOFARM_LANE_WIDTH == 8
    return _mm512_max_pd(a, b);
#elif RATIOFARM_LANE_WIDTH == 4
    return _mm256_max_pd(a, b);
#else
    return a > b ? a : b;
#endif
}
inline Floats greater(Floats a, Floats b) {
#if RATIOFARM_LANE_WIDTH == 8
    return _mm512_max_ps(a, b);
#elif RATIOFARM_LANE_WIDTH == 4
    return _mm256_max_ps(a, b);
#else
    return a > b ? a : b;
#endif
}
/// a < b ? a : b
inline Doubles smaller(Doubles a, Doubles b) {
#if RATIOFARM_LANE_WIDTH == 8
    return _mm512_min_pd(a, b);
#elif RATIOFARM_LANE_WIDTH == 4
    return _mm256_min_pd(a, b);
#else
    return a < b ? a : b;
#endif
}
inline Floats smaller(Floats a, Floats b) {
#if RATIOFARM_LANE_WIDTH == 8
    return _mm512_min_ps(a, b);
#elif RATIOFARM_LANE_WIDTH == 4
    return _mm256_min_ps(a, b);
#else
    return a < b ? a : b;
#endif
}

/// True if a < b in any lane.
inline bool any_less(Doubles a, Doubles b) {
#if RATIOFARM_LANE_WIDTH == 8
    return _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ) != 0;
#elif RATIOFARM_LANE_WIDTH == 4
    return _mm256_movemask_pd(_mm256_cmp_pd(a, b, _CMP_LT_OQ)) != 0;
#else
    for (int l = 0; l < width; ++l) {
        if (a[l] < b[l]) return true;
    }
    return false;
#endif
}
inline bool any_less(Floats a, Floats b) {
#if RATIOFARM_LANE_WIDTH == 8
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ) != 0;
#elif RATIOFARM_LANE_WIDTH == 4
    return _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_LT_OQ)) != 0;
#else
    for (int l = 0; l < 2 * width; ++l) {
        if (a[l] < b[l]) return true;
    }
    return false;
#endif
}

/// ln x for normal x > 0, to about one unit in the last place. The reduction and polynomial of
/// fdlibm's e_log.c (Sun Microsystems, freely distributable).
inline Doubles log(Doubles x) {
    constexpr unsigned long long shift = 0x3ff0000000000000ULL - 0x3fe6a09e00000000ULL;
    const DoubleBits bits = reinterpret_cast<DoubleBits>(x) + shift;
    // An integer below 2^52 becomes a double by way of the exponent of 2^52.
    const DoubleBits exponent_bits = (bits >> 52) | 0x4330000000000000ULL;
    const Doubles k = reinterpret_cast<Doubles>(exponent_bits) - (4503599627370496.0 + 1023.0);
    const DoubleBits mantissa = (bits & 0x000fffffffffffffULL) + 0x3fe6a09e00000000ULL;
    const Doubles f = reinterpret_cast<Doubles>(mantissa) - 1.0;  // x = 2^k (1 + f)

    const Doubles s = f / (f + 2.0);
    const Doubles z = s * s;
    Doubles r = fma(z, all(1.479819860511658591e-01), all(1.531383769920937332e-01));
    r = fma(z, r, all(1.818357216161805012e-01));
    r = fma(z, r, all(2.222219843214978396e-01));
    r = fma(z, r, all(2.857142874366239149e-01));
    r = fma(z, r, all(3.999999999940941908e-01));
    r = fma(z, r, all(6.666666666666735130e-01));
    r = r * z;
    const Doubles half_square = f * f * 0.5;
    const Doubles low = fma(s, half_square + r, k * 1.90821492927058770002e-10);
    return fma(k, all(6.93147180369123816490e-01), f - (half_square - low));
}

/// e^x to two units in the last place, for x cut to [-87, 88]; NaN stays NaN. Reduction and
/// polynomial of Cephes (S. Moshier, freely distributable).
inline Floats exp(Floats x) {
    const Floats bounded = x < -87.0F ? all(-87.0F) : (x > 88.0F ? all(88.0F) : x);
    constexpr float rounder = 12582912.0F;  // 1.5 * 2^23: its last bit counts ones
    const Floats shifted = fma(bounded, all(1.44269504088896341F), all(rounder));
    const Floats k = shifted - rounder;
    Floats r = fma(k, all(-0.693359375F), bounded);
    r = fma(k, all(2.12194440e-4F), r);
    Floats y = fma(r, all(1.9875691500e-4F), all(1.3981999507e-3F));
    y = fma(y, r, all(8.3334519073e-3F));
    y = fma(y, r, all(4.1665795894e-2F));
    y = fma(y, r, all(1.6666665459e-1F));
    y = fma(y, r, all(5.0000001201e-1F));
    y = fma(y, r * r, r) + 1.0F;
    const FloatBits power = reinterpret_cast<FloatBits>(shifted) << 23;  // k into the exponent
    return reinterpret_cast<Floats>(reinterpret_cast<FloatBits>(y) + power);
}

}  // namespace
}  // namespace ratiofarm
