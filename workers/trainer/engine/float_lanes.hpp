#pragma once

// Vectors of floats as wide as a register, and what the passes do with them. Compiled once per
// instruction set, each time into an unnamed namespace. Only whole operations on lanes, every fused
// multiply-add spelled out: the bits are those of the scalar program run lane by lane. No library
// calls on purpose.

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__AVX512F__) || defined(__FMA__)
#include <immintrin.h>
#endif

namespace ratiofarm {
namespace {

#if defined(__AVX512F__)
constexpr std::size_t lanes = 16;
#elif defined(__FMA__)
constexpr std::size_t lanes = 8;
#else
constexpr std::size_t lanes = 4;
#endif

using Floats = float __attribute__((vector_size(4 * lanes)));
using Words = std::uint32_t __attribute__((vector_size(4 * lanes)));
using Halves = std::uint16_t __attribute__((vector_size(2 * lanes)));
using LooseFloats = float __attribute__((vector_size(4 * lanes), aligned(4), may_alias));
using LooseHalves = std::uint16_t __attribute__((vector_size(2 * lanes), aligned(2), may_alias));

inline Floats all(float value) { return value - Floats{}; }  // exact, also for minus zero

inline Floats load(const float* from) { return *reinterpret_cast<const LooseFloats*>(from); }
inline Floats load(const std::uint16_t* from) {
    const Halves upper = *reinterpret_cast<const LooseHalves*>(from);
    return reinterpret_cast<Floats>(__builtin_convertvector(upper, Words) << 16);
}

inline void store(float* to, Floats value) { *reinterpret_cast<LooseFloats*>(to) = value; }
/// To the nearest bf16, ties to even. A NaN of an operation stays one.
inline void store(std::uint16_t* to, Floats value) {
    const Words bits = reinterpret_cast<Words>(value);
    const Words rounded = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
    *reinterpret_cast<LooseHalves*>(to) = __builtin_convertvector(rounded, Halves);
}

/// The first n < lanes elements; the others are 0.
template <class T>
inline Floats load(const T* from, std::size_t n) {
    T part[lanes] = {};
    std::memcpy(part, from, n * sizeof(T));
    return load(part);
}
template <class T>
inline void store(T* to, Floats value, std::size_t n) {
    T part[lanes];
    store(part, value);
    std::memcpy(to, part, n * sizeof(T));
}

#if defined(__AVX512F__)
inline Floats fma(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
inline Floats sqrt(Floats x) { return _mm512_sqrt_ps(x); }
#elif defined(__FMA__)
inline Floats fma(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
inline Floats sqrt(Floats x) { return _mm256_sqrt_ps(x); }
#else
inline Floats fma(Floats a, Floats b, Floats c) {
    Floats result = c;
    for (std::size_t l = 0; l < lanes; ++l) result[l] = __builtin_fmaf(a[l], b[l], c[l]);
    return result;
}
inline Floats sqrt(Floats x) {
    for (std::size_t l = 0; l < lanes; ++l) x[l] = __builtin_sqrtf(x[l]);
    return x;
}
#endif

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
    const Words power = reinterpret_cast<Words>(shifted) << 23;  // k into the exponent
    return reinterpret_cast<Floats>(reinterpret_cast<Words>(y) + power);
}

}  // namespace
}  // namespace ratiofarm
