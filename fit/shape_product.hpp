#pragma once

// Symmetric products C += A^T B of columns A and rows B, the lower triangle of C. Every element of
// C is a plain chain of fused multiply-adds over the rows, so that vectors of any width give the
// same bits. Compiled per instruction set; see lanes.hpp.

#include "shape_lanes.hpp"

namespace ratiofarm {
namespace {

// A tile of C stays in registers: 8 x 3 vectors of the 32 that AVX-512 has, 4 x 3 of 16.
constexpr int tile_rows = width == 8 ? 8 : 4;
constexpr int tile_vectors = 3;

/// Operands of one product over n_rows rows.
template <class Real>
struct Product {
    std::size_t n = 0;  ///< width of C
    std::size_t n_rows = 0;
    const Real* scaled = nullptr;  ///< A, [n][product_stride]
    const Real* rows = nullptr;    ///< B, [n_rows][stride]
    std::size_t stride = 0;        ///< of B and C
    Real* to = nullptr;            ///< C, [padded n][stride]
};

template <int n_a, int n_b, class Real>
inline void update_tile(const Product<Real>& product, std::size_t a, std::size_t b) {
    constexpr int lanes = lanes_of<Real>;
    Vector<Real> tile[n_a][n_b];
    Real* to = product.to + a * product.stride + b;
    for (int i = 0; i < n_a; ++i) {
        for (int j = 0; j < n_b; ++j) {
            tile[i][j] = take(to + static_cast<std::size_t>(i) * product.stride + j * lanes);
        }
    }
    const Real* scaled = product.scaled + a * product_stride;
    const Real* row = product.rows + b;
    for (std::size_t k = 0; k < product.n_rows; ++k) {
        Vector<Real> right[n_b];
        for (int j = 0; j < n_b; ++j) right[j] = take(row + j * lanes);
#pragma GCC unroll 8
        for (int i = 0; i < n_a; ++i) {
            const Vector<Real> left =
                every(scaled[static_cast<std::size_t>(i) * product_stride + k]);
#pragma GCC unroll 3
            for (int j = 0; j < n_b; ++j) tile[i][j] = fma(left, right[j], tile[i][j]);
        }
        row += product.stride;
    }
    for (int i = 0; i < n_a; ++i) {
        for (int j = 0; j < n_b; ++j) {
            put(to + static_cast<std::size_t>(i) * product.stride + j * lanes, tile[i][j]);
        }
    }
}

template <int n_a, class Real>
inline void update_tile(const Product<Real>& product,
                        std::size_t a,
                        std::size_t b,
                        std::size_t n_b) {
    switch (n_b) {
        case 1: update_tile<n_a, 1>(product, a, b); break;
        case 2: update_tile<n_a, 2>(product, a, b); break;
        default: update_tile<n_a, 3>(product, a, b);
    }
}

template <class Real>
void update_product(const Product<Real>& product) {
    constexpr std::size_t lanes = lanes_of<Real>;
    constexpr std::size_t rows = tile_rows;
    const std::size_t n_vectors = (product.n + lanes - 1) / lanes;
    for (std::size_t first = 0; first < n_vectors; first += tile_vectors) {
        // Rows above the diagonal of this panel need none of it.
        for (std::size_t a = first * lanes / rows * rows; a < product.n; a += rows) {
            std::size_t last = (a + rows - 1) / lanes + 1;
            last = last < n_vectors ? last : n_vectors;
            const std::size_t n_b =
                last - first < tile_vectors ? last - first : std::size_t{tile_vectors};
            if (rows > 4 && product.n - a <= 4) {
                update_tile<4>(product, a, first * lanes, n_b);
            } else {
                update_tile<tile_rows>(product, a, first * lanes, n_b);
            }
        }
    }
}

/// Adds what single precision gathered, and begins anew.
inline void flush_product(std::size_t n, float* from, double* to) {
    const std::size_t stride = padded_width(n);
    for (std::size_t a = 0; a < n; ++a) {
        for (std::size_t b = 0; b <= a; b += width) {
            const std::size_t at = a * stride + b;
            put(to + at, take(to + at) + load(from + at));
            put_as(from + at, Doubles{});
        }
    }
}

/// One block of columns as rows. \param columns [n][block]  \param rows [block][stride]
template <class Real>
void transpose(const Real* columns, std::size_t n, Real* rows, std::size_t stride) {
    constexpr std::size_t tile = 16;
    for (std::size_t c = 0; c < n; c += tile) {
        const std::size_t n_tile = n - c < tile ? n - c : tile;
        for (std::size_t e = 0; e < shape_block; ++e) {
            for (std::size_t k = 0; k < n_tile; ++k) {
                rows[e * stride + c + k] = columns[(c + k) * shape_block + e];
            }
        }
    }
}

}  // namespace
}  // namespace ratiofarm
