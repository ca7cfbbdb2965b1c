#include "product_kernel.hpp"

#ifdef RATIOFARM_X86_KERNELS
#include <cstring>

#include <immintrin.h>
#endif

namespace ratiofarm::trainer {

#ifdef RATIOFARM_X86_KERNELS
namespace {

// No inline function of a library in here: it would be compiled for a newer processor.
#define RATIOFARM_DOT_PRODUCTS __attribute__((target("avx512f,avx512bf16")))

constexpr std::size_t pair_lanes = 16;
constexpr std::size_t pair_rows = 12;

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

template <std::size_t rows, std::size_t vectors>
void tile_at(const PanelProduct& of, std::size_t row) {
    const float* a = of.a + row * of.a_row;
    float* c = of.c + row * of.c_stride;
    if (of.columns == vectors * pair_lanes) {
        tile_of_pairs<rows, vectors>(of, a, c, of.c_stride);
        return;
    }
    constexpr std::size_t stride = vectors * pair_lanes;
    float whole[rows * stride] = {};
    const std::size_t size = of.columns * sizeof(float);
    for (std::size_t r = 0; of.add && r < rows; ++r) {
        std::memcpy(whole + r * stride, c + r * of.c_stride, size);
    }
    tile_of_pairs<rows, vectors>(of, a, whole, stride);
    for (std::size_t r = 0; r < rows; ++r) {
        std::memcpy(c + r * of.c_stride, whole + r * stride, size);
    }
}

/// The last rows, fewer than those of a tile.
template <std::size_t rows, std::size_t vectors>
void last_tile(const PanelProduct& of, std::size_t row) {
    if constexpr (rows > 0) {
        if (of.rows - row == rows) {
            tile_at<rows, vectors>(of, row);
        } else {
            last_tile<rows - 1, vectors>(of, row);
        }
    }
}

template <std::size_t vectors>
void multiply_vectors(const PanelProduct& of) {
    std::size_t row = 0;
    for (; row + pair_rows <= of.rows; row += pair_rows) tile_at<pair_rows, vectors>(of, row);
    last_tile<pair_rows - 1, vectors>(of, row);
}

void multiply_pairs(const PanelProduct& of) {
    if (of.columns > pair_lanes) {
        multiply_vectors<2>(of);
    } else {
        multiply_vectors<1>(of);
    }
}

}  // namespace

PanelMultiply* pair_product() {
    const bool has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bf16");
    return has ? multiply_pairs : nullptr;
}
#else
PanelMultiply* pair_product() { return nullptr; }
#endif

}  // namespace ratiofarm::trainer
