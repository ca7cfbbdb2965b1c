#pragma once

// Vectors of RATIOFARM_LANE_WIDTH doubles or twice as many floats, and what the kernels do with
// them. Compiled once per instruction set, each time into an unnamed namespace. Only whole
// operations on lanes, every fused multiply-add spelled out: the bits are those of the scalar
// program run lane by lane. No library calls on purpose.

#include <cstddef>
#include <cstdint>

#if RATIOFARM_LANE_WIDTH > 2
#include <immintrin.h>
#endif

namespace ratiofarm {
namespace {

constexpr int width = RATIOFARM_LANE_WIDTH;

using Doubles = double __attribute__((vector_size(8 * width)));
using Words = unsigned long long __attribute__((vector_size(8 * width)));
using UnalignedDoubles = double __attribute__((vector_size(8 * width), aligned(8), may_alias));
using UnalignedFloats = float __attribute__((vector_size(4 * width), aligned(4), may_alias));

inline Doubles load(const double* from) { return *reinterpret_cast<const UnalignedDoubles*>(from); }
inline Doubles load(const float* from) {
#if RATIOFARM_LANE_WIDTH == 8
    return _mm512_cvtps_pd(_mm256_loadu_ps(from));
#elif RATIOFARM_LANE_WIDTH == 4
    return _mm256_cvtps_pd(_mm_loadu_ps(from));
#else
    return __builtin_convertvector(*reinterpret_cast<const UnalignedFloats*>(from), Doubles);
#endif
}
inline void store(double* to, Doubles value) { *reinterpret_cast<UnalignedDoubles*>(to) = value; }

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

inline Doubles all(double value) { return value - Doubles{}; }  // exact, also for minus zero

/// ln x for normal x > 0, to about one unit in the last place. The reduction and polynomial of
/// fdlibm's e_log.c (Sun Microsystems, freely distributable).
inline Doubles log(Doubles x) {
    constexpr unsigned long long shift = 0x3ff0000000000000ULL - 0x3fe6a09e00000000ULL;
    const Words bits = reinterpret_cast<Words>(x) + shift;
    // An integer below 2^52 becomes a double by way of the exponent of 2^52.
    const Words exponent_bits = (bits >> 52) | 0x4330000000000000ULL;
    const Doubles k = reinterpret_cast<Doubles>(exponent_bits) - (4503599627370496.0 + 1023.0);
    const Words mantissa = (bits & 0x000fffffffffffffULL) + 0x3fe6a09e00000000ULL;
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

}  // namespace
}  // namespace ratiofarm
