#pragma once

// What the shape kernels need of vectors beyond lanes.hpp: both precisions under the same names,
// half precision and transposition. Compiled per instruction set; see lanes.hpp.

#include "lanes.hpp"
#include "shape_kernel.hpp"

namespace ratiofarm {
namespace {

using Floats = float __attribute__((vector_size(8 * width)));
using FloatLanes = float __attribute__((vector_size(8 * width), aligned(4), may_alias));
using LongIndices = long long __attribute__((vector_size(8 * width)));
using IntIndices = int __attribute__((vector_size(8 * width)));
using FloatHalf = float __attribute__((vector_size(4 * width)));

/// A number in half precision, as bits.
struct Half {
    std::uint16_t bits;
};

template <class Real>
struct VectorOf;
template <>
struct VectorOf<double> {
    using Type = Doubles;
    using Indices = LongIndices;
    static constexpr int lanes = width;
};
template <>
struct VectorOf<float> {
    using Type = Floats;
    using Indices = IntIndices;
    static constexpr int lanes = 2 * width;
};
template <class Real>
using Vector = typename VectorOf<Real>::Type;
template <class Real>
constexpr int lanes_of = VectorOf<Real>::lanes;

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

inline Doubles root(Doubles x) {
#if RATIOFARM_LANE_WIDTH == 8
    return _mm512_sqrt_pd(x);
#elif RATIOFARM_LANE_WIDTH == 4
    return _mm256_sqrt_pd(x);
#else
    for (int l = 0; l < width; ++l) x[l] = __builtin_sqrt(x[l]);
    return x;
#endif
}
inline Floats root(Floats x) {
#if RATIOFARM_LANE_WIDTH == 8
    return _mm512_sqrt_ps(x);
#elif RATIOFARM_LANE_WIDTH == 4
    return _mm256_sqrt_ps(x);
#else
    for (int l = 0; l < 2 * width; ++l) x[l] = __builtin_sqrtf(x[l]);
    return x;
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

template <class Real>
inline Vector<Real> every(Real value) {
    return value - Vector<Real>{};  // what a plus would not leave as it is: minus zero
}

/// Loads full vectors without conversion.
inline Doubles take(const double* from) { return load(from); }
inline Floats take(const float* from) { return *reinterpret_cast<const FloatLanes*>(from); }
inline void put(double* to, Doubles value) { store(to, value); }
inline void put(float* to, Floats value) { *reinterpret_cast<FloatLanes*>(to) = value; }

inline void put_as(double* to, Doubles value) { put(to, value); }
inline void put_as(float* to, Doubles value) {
    *reinterpret_cast<UnalignedFloats*>(to) = __builtin_convertvector(value, FloatHalf);
}

/// Normal, subnormal and zero; storage has nothing else.
inline float float_of_half(std::uint16_t half) {
    const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000) << 16;
    const std::uint32_t rest = half & 0x7fff;
    std::uint32_t bits = sign;
    if (rest >= 0x0400) {
        bits |= (rest << 13) + ((127 - 15) << 23);
    } else {
        const float magnitude = static_cast<float>(rest) * 0x1p-24F;
        std::uint32_t magnitude_bits;
        __builtin_memcpy(&magnitude_bits, &magnitude, 4);
        bits |= magnitude_bits;
    }
    float result;
    __builtin_memcpy(&result, &bits, 4);
    return result;
}

/// Stored values as vectors of the kernel's precision.
template <class Real>
inline Vector<Real> stored(const float* from) {
    if constexpr (sizeof(Real) == sizeof(double)) {
        return load(from);
    } else {
        return take(from);
    }
}
template <class Real>
inline Vector<Real> stored(const Half* from) {
#if RATIOFARM_LANE_WIDTH == 8
    if constexpr (sizeof(Real) == sizeof(double)) {
        return _mm512_cvtps_pd(
            _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
    } else {
        return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
    }
#elif RATIOFARM_LANE_WIDTH == 4
    if constexpr (sizeof(Real) == sizeof(double)) {
        return _mm256_cvtps_pd(
            _mm_cvtph_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
    } else {
        return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
    }
#else
    Vector<Real> result;
    for (int l = 0; l < lanes_of<Real>; ++l) {
        result[l] = static_cast<Real>(float_of_half(from[l].bits));
    }
    return result;
#endif
}

/// Rounds to the nearest, ties to even. \param x below 65504 in size
inline std::uint16_t half_of_float(float x) {
    std::uint32_t bits;
    __builtin_memcpy(&bits, &x, 4);
    const std::uint32_t sign = (bits >> 16) & 0x8000;
    bits &= 0x7fffffff;
    if (bits < 0x38800000) {  // subnormal in half precision: let an addition round
        float magnitude;
        __builtin_memcpy(&magnitude, &bits, 4);
        magnitude += 0.5F;
        __builtin_memcpy(&bits, &magnitude, 4);
        return static_cast<std::uint16_t>(sign | (bits - 0x3f000000));
    }
    const std::uint32_t odd = (bits >> 13) & 1;
    return static_cast<std::uint16_t>(sign | ((bits - 0x38000000 + 0xfff + odd) >> 13));
}

inline void to_half(const float* from, std::uint16_t* to, std::size_t n) {
#if RATIOFARM_LANE_WIDTH == 8
    for (std::size_t i = 0; i < n; i += 16) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i),
                            _mm512_cvtps_ph(_mm512_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
    }
#elif RATIOFARM_LANE_WIDTH == 4
    for (std::size_t i = 0; i < n; i += 8) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
    }
#else
    for (std::size_t i = 0; i < n; ++i) to[i] = half_of_float(from[i]);
#endif
}

}  // namespace
}  // namespace ratiofarm
