// The product of ProductKernel over vectors of floats; compiled per instruction set, see
// core/lanes.hpp.

#include <cstdint>

#include "core/lanes.hpp"

#include "product_tiles.hpp"

namespace ratiofarm::trainer {
namespace {

using ratiofarm::load;
using ratiofarm::store;

constexpr std::size_t lanes = 2 * width;
constexpr std::size_t panel_vectors = 2;
constexpr std::size_t panel = panel_vectors * lanes;

template <std::size_t rows, std::size_t vectors>
void tile_of_lanes(const PanelProduct& of, const float* a, float* c, std::size_t c_stride) {
    Floats sums[rows][vectors];
#pragma GCC unroll 16
    for (std::size_t row = 0; row < rows; ++row) {
#pragma GCC unroll 4
        for (std::size_t v = 0; v < vectors; ++v) {
            sums[row][v] = of.add ? load(c + row * c_stride + v * lanes) : Floats{};
        }
    }
    const float* b = of.b;
    for (std::size_t k = 0; k < of.inner; ++k, a += of.a_inner, b += of.b_stride) {
        Floats factors[vectors];
#pragma GCC unroll 4
        for (std::size_t v = 0; v < vectors; ++v) factors[v] = load(b + v * lanes);
#pragma GCC unroll 16
        for (std::size_t row = 0; row < rows; ++row) {
            const Floats factor = all(a[row * of.a_row]);
#pragma GCC unroll 4
            for (std::size_t v = 0; v < vectors; ++v) {
                sums[row][v] = fma(factor, factors[v], sums[row][v]);
            }
        }
    }
#pragma GCC unroll 16
    for (std::size_t row = 0; row < rows; ++row) {
#pragma GCC unroll 4
        for (std::size_t v = 0; v < vectors; ++v) {
            store(c + row * c_stride + v * lanes, sums[row][v]);
        }
    }
}

struct LanesKernel {
    static constexpr std::size_t lanes = trainer::lanes;
    /// Sums that stay in registers: 24 of 32, or 12 of 16.
    static constexpr std::size_t rows = width == 8 ? 12 : 6;

    template <std::size_t n_rows, std::size_t vectors>
    static void tile(const PanelProduct& of, const float* a, float* c, std::size_t c_stride) {
        tile_of_lanes<n_rows, vectors>(of, a, c, c_stride);
    }
};

void pack_rows(const PanelSource& from, float* to) {
    for (std::size_t k = 0; k < from.inner; ++k, to += panel) {
        const float* row = from.b + k * from.b_stride;
        if (from.columns == panel) {
            for (std::size_t v = 0; v < panel; v += lanes) store(to + v, load(row + v));
        } else {
            for (std::size_t n = 0; n < panel; ++n) to[n] = n < from.columns ? row[n] : 0.0F;
        }
    }
}

/// A float or a pair of bf16.
using Element = std::uint32_t __attribute__((may_alias));

void pack_columns(const PanelSource& from, float* panel_begin) {
    auto* to = reinterpret_cast<Element*>(panel_begin);
    constexpr std::size_t together = 16;  // rows of the panel that stay in the cache
    for (std::size_t first = 0; first < from.inner; first += together) {
        const std::size_t end = first + together < from.inner ? first + together : from.inner;
        for (std::size_t n = 0; n < panel; ++n) {
            const auto* column = reinterpret_cast<const Element*>(from.b + n * from.b_stride);
            for (std::size_t k = first; k < end; ++k) {
                to[k * panel + n] = n < from.columns ? column[k] : 0U;
            }
        }
    }
}

void pack(const PanelSource& from, float* to) {
    if (from.transposed) {
        pack_columns(from, to);
    } else {
        pack_rows(from, to);
    }
}

constexpr ProductKernel kernel_of_lanes{
    .lanes = lanes, .panel = panel, .multiply = ProductTiles<LanesKernel>::multiply, .pack = pack};

}  // namespace

namespace RATIOFARM_INSTRUCTIONS {

const ProductKernel& product_kernel() { return kernel_of_lanes; }

}  // namespace RATIOFARM_INSTRUCTIONS
}  // namespace ratiofarm::trainer
