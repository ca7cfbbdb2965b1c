#include "half.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {

namespace {

/// The bits of a half, moved to where a float has them, are the number times 2^-112; infinite and
/// NaN ones need the largest exponent.
float widen(std::uint16_t half) {
    constexpr float scale = 0x1p112F;
    const std::uint32_t sign = (half & 0x8000U) << 16;
    const std::uint32_t rest = (half & 0x7fffU) << 13;
    const bool finite = (half & 0x7c00U) != 0x7c00U;
    const std::uint32_t bits =
        finite ? std::bit_cast<std::uint32_t>(std::bit_cast<float>(rest) * scale)
               : rest | 0x7f800000U;
    return std::bit_cast<float>(bits | sign);
}

#if defined(__x86_64__)
/// \return how many were done
[[gnu::target("avx,f16c")]] std::size_t widen_by_eight(std::span<const std::uint16_t> from,
                                                       float* to) {
    std::size_t done = 0;
    for (; done + 8 <= from.size(); done += 8) {
        const auto* halves = reinterpret_cast<const __m128i*>(from.data() + done);
        _mm256_storeu_ps(to + done, _mm256_cvtph_ps(_mm_loadu_si128(halves)));
    }
    return done;
}
#endif

}  // namespace

std::uint16_t half_of(float value) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
    const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
    const std::uint32_t magnitude = bits & 0x7fffffffU;
    if (magnitude > 0x7f800000U) return sign | 0x7e00U;   // NaN
    if (magnitude >= 0x477ff000U) return sign | 0x7c00U;  // rounds to 65536 or more
    if (magnitude < 0x38800000U) {                        // below 2^-14: fixed point in 2^-24
        // Adding 2^-1 leaves a float whose last bit is worth 2^-24, rounded by the processor.
        const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
        return static_cast<std::uint16_t>(
            sign | (std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(0.5F)));
    }
    const std::uint32_t odd = (magnitude >> 13) & 1U;
    const std::uint32_t rounded = magnitude - 0x38000000U + 0xfffU + odd;
    return static_cast<std::uint16_t>(sign | (rounded >> 13));
}

void widen_halves(std::span<const std::uint16_t> from, std::span<float> to) {
    RATIOFARM_EXPECT(from.size() == to.size());
    std::size_t done = 0;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("f16c") != 0) done = widen_by_eight(from, to.data());
#endif
    std::transform(from.begin() + static_cast<std::ptrdiff_t>(done), from.end(),
                   to.begin() + static_cast<std::ptrdiff_t>(done), widen);
}

}  // namespace ratiofarm
