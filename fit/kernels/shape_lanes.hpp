#pragma once

// What the shape kernels need of vectors beyond core/lanes.hpp: the vectors of a precision, and
// half precision. Compiled per instruction set; see there.

#include "core/lanes.hpp"

#include "shape_kernel.hpp"

namespace ratiofarm {
namespace {

using LongIndices = long long __attribute__((vector_size(8 * width)));
using IntIndices = int __attribute__((vector_size(8 * width)));

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
        return load_wide(from);
    } else {
        return load(from);
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
