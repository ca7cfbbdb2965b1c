#pragma once

// How a product over one panel is cut into tiles whose sums stay in registers. Compiled per
// instruction set with who includes it.

#include <cstring>

#include "product_kernel.hpp"

namespace ratiofarm::trainer {
namespace {

/// \tparam Kernel  `lanes` of a vector, `rows` of a tile, and
///     tile<rows, vectors>(of, a, c, c_stride): the sums of rows of a and whole vectors of columns
template <class Kernel>
class ProductTiles {
public:
    static void multiply(const PanelProduct& of) {
        if (of.columns > Kernel::lanes) {
            multiply_vectors<2>(of);
        } else {
            multiply_vectors<1>(of);
        }
    }

private:
    template <std::size_t vectors>
    static void multiply_vectors(const PanelProduct& of) {
        constexpr std::size_t rows = Kernel::rows;
        std::size_t row = 0;
        for (; row + rows <= of.rows; row += rows) tile_at<rows, vectors>(of, row);
        last_tile<rows - 1, vectors>(of, row);
    }

    /// The last rows, fewer than those of a tile.
    template <std::size_t rows, std::size_t vectors>
    static void last_tile(const PanelProduct& of, std::size_t row) {
        if constexpr (rows > 0) {
            if (of.rows - row == rows) {
                tile_at<rows, vectors>(of, row);
            } else {
                last_tile<rows - 1, vectors>(of, row);
            }
        }
    }

    template <std::size_t rows, std::size_t vectors>
    static void tile_at(const PanelProduct& of, std::size_t row) {
        constexpr std::size_t stride = vectors * Kernel::lanes;
        const float* a = of.a + row * of.a_row;
        float* c = of.c + row * of.c_stride;
        if (of.columns == stride) {
            Kernel::template tile<rows, vectors>(of, a, c, of.c_stride);
            return;
        }
        // The columns are no whole vectors: by way of memory that holds them.
        float whole[rows * stride] = {};
        const std::size_t size = of.columns * sizeof(float);
        for (std::size_t r = 0; of.add && r < rows; ++r) {
            std::memcpy(whole + r * stride, c + r * of.c_stride, size);
        }
        Kernel::template tile<rows, vectors>(of, a, whole, stride);
        for (std::size_t r = 0; r < rows; ++r) {
            std::memcpy(c + r * of.c_stride, whole + r * stride, size);
        }
    }
};

}  // namespace
}  // namespace ratiofarm::trainer
