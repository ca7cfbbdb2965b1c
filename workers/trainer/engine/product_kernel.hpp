#pragma once

#include <cstddef>

namespace ratiofarm::trainer {

/// c[m, n] = sum over k of a[m, k] b[k, n] for the n of one panel, or c += that. Every element is
/// one chain of fused multiply-adds, k after k: its bits do not depend on how the work is divided,
/// nor on the instruction set.
struct PanelProduct {
    std::size_t rows = 0;
    std::size_t columns = 0;  ///< at most ProductKernel::panel
    std::size_t inner = 0;
    const float* a = nullptr;
    std::size_t a_row = 0;    ///< from row to row of a, in elements
    std::size_t a_inner = 0;  ///< and from k to k
    const float* b = nullptr;
    std::size_t b_stride = 0;  ///< from k to k; rows are read up to a whole vector
    float* c = nullptr;
    std::size_t c_stride = 0;
    bool add = false;
};

using PanelMultiply = void(const PanelProduct&);

/// What becomes a panel: its rows one after the other, as wide as the panel, the rest zeros.
struct PanelSource {
    std::size_t columns = 0;
    std::size_t inner = 0;
    const float* b = nullptr;
    std::size_t b_stride = 0;
    bool transposed = false;  ///< in memory lies [columns, inner]
};

/// The matrix product of small blocks, compiled per instruction set.
struct ProductKernel {
    std::size_t lanes = 0;  ///< of a vector
    std::size_t panel = 0;  ///< columns that are worked on together
    PanelMultiply* multiply;
    void (*pack)(const PanelSource&, float* panel);
};

/// The same for elements of a and b that are pairs of bf16 at neighbouring k, with panels as wide
/// as those of avx512: both products of a pair are added to a sum in fp32, by the processor's dot
/// products. Null where it has none.
PanelMultiply* pair_product();

namespace portable {
const ProductKernel& product_kernel();
}
namespace avx2 {
const ProductKernel& product_kernel();
}
namespace avx512 {
const ProductKernel& product_kernel();
}

}  // namespace ratiofarm::trainer
