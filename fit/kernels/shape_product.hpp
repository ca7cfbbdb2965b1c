#pragma once

// Symmetric products C += A^T B of columns A and rows B, the lower triangle of C. Every element of
// C is a plain chain of fused multiply-adds over the rows, so that vectors of any width give the
// same bits. Compiled per instruction set; see core/lanes.hpp.

#include "shape_lanes.hpp"

namespace ratiofarm {
namespace {

// A tile of C stays in registers: 8 x 3 vectors of the 32 that AVX-512 has, 4 x 3 of 16.
constexpr int tile_rows = width == 8 ? 8 : 4;
constexpr int tile_vectors = 3;
constexpr std::size_t cache_line = 64;

/// Operands of one product. Both lie in panels of one vector of columns:
/// [panels][product_rows][lanes], which a tile reads from one end to the other.
template <class Real>
struct Product {
    std::size_t n = 0;  ///< width of C
    std::size_t n_rows = 0;
    const Real* scaled = nullptr;  ///< A
    const Real* rows = nullptr;    ///< B
    Real* to = nullptr;            ///< C, [padded n][padded n]
};

/// Where an element of an operand lies in its first row; the next row is `lanes` further.
template <class Real>
constexpr std::size_t in_panel(std::size_t column) {
    constexpr std::size_t lanes = lanes_of<Real>;
    return column / lanes * (product_rows * lanes) + column % lanes;
}

template <int n_a, int n_b, class Real>
inline void update_tile(const Product<Real>& product,
                        std::size_t a,
                        std::size_t b,
                        const char* ahead) {
    constexpr std::size_t lanes = lanes_of<Real>;
    const std::size_t stride = padded_width(product.n);
    Vector<Real> tile[n_a][n_b];
    Real* to = product.to + a * stride + b;
#pragma GCC unroll 8
    for (std::size_t i = 0; i < n_a; ++i) {
#pragma GCC unroll 3
        for (std::size_t j = 0; j < n_b; ++j) tile[i][j] = load(to + i * stride + j * lanes);
    }
    const Real* scaled = product.scaled + in_panel<Real>(a);
    const Real* rows = product.rows + in_panel<Real>(b);
    for (std::size_t k = 0; k < product.n_rows * lanes; k += lanes) {
        // Every line twice: at this rate the memory keeps up.
        __builtin_prefetch(ahead, 0, 2);
        ahead += cache_line / 2;
        Vector<Real> right[n_b];
#pragma GCC unroll 3
        for (std::size_t j = 0; j < n_b; ++j) right[j] = load(rows + in_panel<Real>(j * lanes) + k);
#pragma GCC unroll 8
        for (std::size_t i = 0; i < n_a; ++i) {
            const Vector<Real> left = all(scaled[in_panel<Real>(i) + k]);
#pragma GCC unroll 3
            for (std::size_t j = 0; j < n_b; ++j) tile[i][j] = fma(left, right[j], tile[i][j]);
        }
    }
#pragma GCC unroll 8
    for (std::size_t i = 0; i < n_a; ++i) {
#pragma GCC unroll 3
        for (std::size_t j = 0; j < n_b; ++j) store(to + i * stride + j * lanes, tile[i][j]);
    }
}

template <int n_a, class Real>
inline void update_tile(const Product<Real>& product,
                        std::size_t a,
                        std::size_t b,
                        std::size_t n_b,
                        const char* ahead) {
    switch (n_b) {
        case 1: update_tile<n_a, 1>(product, a, b, ahead); break;
        case 2: update_tile<n_a, 2>(product, a, b, ahead); break;
        default: update_tile<n_a, 3>(product, a, b, ahead);
    }
}

template <class Real>
void update_product(const Product<Real>& product, Ahead& ahead) {
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
                update_tile<4>(product, a, first * lanes, n_b, ahead.next);
            } else {
                update_tile<tile_rows>(product, a, first * lanes, n_b, ahead.next);
            }
            if (ahead.next < ahead.end) ahead.next += product.n_rows * cache_line / 2;
        }
    }
}

/// Adds what single precision gathered, and begins again.
inline void flush_product(std::size_t n, float* from, double* to) {
    const std::size_t stride = padded_width(n);
    for (std::size_t a = 0; a < n; ++a) {
        for (std::size_t b = 0; b <= a; b += width) {
            const std::size_t at = a * stride + b;
            store(to + at, load(to + at) + load_wide(from + at));
            store_as(from + at, Doubles{});
        }
    }
}

/// Exchanges blocks of `step` lanes between two vectors: one step of a transposition.
template <int step, class Real>
inline void exchange(Vector<Real>& a, Vector<Real>& b) {
    constexpr int lanes = lanes_of<Real>;
    typename VectorOf<Real>::Indices first{};
    typename VectorOf<Real>::Indices second{};
#pragma GCC unroll 16
    for (int l = 0; l < lanes; ++l) {
        first[l] = (l & step) != 0 ? lanes + l - step : l;
        second[l] = (l & step) != 0 ? lanes + l : l + step;
    }
    const Vector<Real> from = a;
    a = __builtin_shuffle(from, b, first);
    b = __builtin_shuffle(from, b, second);
}

template <int step, class Real>
inline void exchange_all(Vector<Real> (&tile)[lanes_of<Real>]) {
#pragma GCC unroll 16
    for (int i = 0; i < lanes_of<Real>; ++i) {
        if ((i & step) == 0) exchange<step, Real>(tile[i], tile[i + step]);
    }
    if constexpr (step > 1) exchange_all<step / 2, Real>(tile);
}

/// The rows of a product that are being gathered. Where no factor is negative, both operands are
/// the same, with the roots of the factors in them.
template <class Real>
struct Operands {
    Real* scaled = nullptr;
    Real* rows = nullptr;
    std::size_t n_rows = 0;
    bool same = false;
    Ahead ahead;
};

/// Takes the roots of factors if all have one. \param factors [block]
template <class Real>
bool take_roots(Real* factors) {
    for (std::size_t i = 0; i < shape_block; i += lanes_of<Real>) {
        if (any_less(load(factors + i), Vector<Real>{})) return false;
    }
    for (std::size_t i = 0; i < shape_block; i += lanes_of<Real>) {
        store(factors + i, sqrt(load(factors + i)));
    }
    return true;
}

/// One vector of columns of a block as further rows of the operands.
/// \param columns [lanes][block]  \param factors [block]  \param column the first of them
template <class Real>
void put_rows(const Real* columns,
              const Real* factors,
              std::size_t column,
              const Operands<Real>& operands) {
    constexpr std::size_t lanes = lanes_of<Real>;
    const std::size_t to = in_panel<Real>(column) + operands.n_rows * lanes;
    for (std::size_t e = 0; e < shape_block; e += lanes) {
        Vector<Real> tile[lanes];
#pragma GCC unroll 16
        for (std::size_t k = 0; k < lanes; ++k) tile[k] = load(columns + k * shape_block + e);
        exchange_all<lanes / 2, Real>(tile);
        Real* rows = operands.rows + to + e * lanes;
        if (operands.same) {
#pragma GCC unroll 16
            for (std::size_t k = 0; k < lanes; ++k) {
                store(rows + k * lanes, tile[k] * all(factors[e + k]));
            }
            continue;
        }
        Real* scaled = operands.scaled + to + e * lanes;
#pragma GCC unroll 16
        for (std::size_t k = 0; k < lanes; ++k) {
            store(rows + k * lanes, tile[k]);
            store(scaled + k * lanes, tile[k] * all(factors[e + k]));
        }
    }
}

}  // namespace
}  // namespace ratiofarm
