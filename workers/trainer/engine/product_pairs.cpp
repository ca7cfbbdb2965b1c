#include "product_kernel.hpp"

#ifdef RATIOFARM_X86_KERNELS
#include <cstring>

#include <immintrin.h>

#include "product_tiles.hpp"
#endif

namespace ratiofarm::trainer {

#ifdef RATIOFARM_X86_KERNELS
namespace {

// No inline function of a library in here: it would be compiled for a newer processor.
#define RATIOFARM_DOT_PRODUCTS __attribute__((target("avx512f,avx512bf16")))

constexpr std::size_t pair_lanes = 16;

template <std::size_t rows, std::size_t vectors>
RATIOFARM_DOT_PRODUCTS void tile_of_pairs(const PanelProduct& of,
                                          const float* a,
                                          float* c,
                                          std::size_t c_stride) {
    __m512 sums[rows][vectors];
#pragma GCC unroll 16
    for (std::size_t row = 0; row < rows; ++row) {
#pragma GCC unroll 4
        for (std::size_t v = 0; v < vectors; ++v) {
            sums[row][v] =
                of.add ? _mm512_loadu_ps(c + row * c_stride + v * pair_lanes) : _mm512_setzero_ps();
        }
    }
    const float* b = of.b;
    for (std::size_t k = 0; k < of.inner; ++k, a += of.a_inner, b += of.b_stride) {
        __m512bh factors[vectors];
#pragma GCC unroll 4
        for (std::size_t v = 0; v < vectors; ++v) {
            factors[v] = reinterpret_cast<__m512bh>(_mm512_loadu_si512(b + v * pair_lanes));
        }
#pragma GCC unroll 16
        for (std::size_t row = 0; row < rows; ++row) {
            int pair = 0;
            std::memcpy(&pair, a + row * of.a_row, sizeof pair);
            const auto factor = reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
#pragma GCC unroll 4
            for (std::size_t v = 0; v < vectors; ++v) {
                sums[row][v] = _mm512_dpbf16_ps(sums[row][v], factor, factors[v]);
            }
        }
    }
#pragma GCC unroll 16
    for (std::size_t row = 0; row < rows; ++row) {
#pragma GCC unroll 4
        for (std::size_t v = 0; v < vectors; ++v) {
            _mm512_storeu_ps(c + row * c_stride + v * pair_lanes, sums[row][v]);
        }
    }
}

struct PairsKernel {
    static constexpr std::size_t lanes = pair_lanes;
    static constexpr std::size_t rows = 12;

    template <std::size_t n_rows, std::size_t vectors>
    static void tile(const PanelProduct& of, const float* a, float* c, std::size_t c_stride) {
        tile_of_pairs<n_rows, vectors>(of, a, c, c_stride);
    }
};

}  // namespace

PanelMultiply* pair_product() {
    const bool has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bf16");
    return has ? ProductTiles<PairsKernel>::multiply : nullptr;
}
#else
PanelMultiply* pair_product() { return nullptr; }
#endif

}  // namespace ratiofarm::trainer
