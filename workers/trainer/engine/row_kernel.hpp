#pragma once

#include <cstddef>
#include <cstdint>

#include "ratiofarm/protocol/network.hpp"

#include "step_kernel.hpp"

namespace ratiofarm::trainer {

/// Columns of what the kernels of rows write are a multiple of this, whatever the instruction set.
inline constexpr std::size_t row_vector = 16;

constexpr std::size_t whole_vectors(std::size_t width) {
    return (width + row_vector - 1) / row_vector * row_vector;
}

/// Element (i, k) is data[i * row + k * inner].
struct Strided {
    const float* data = nullptr;
    std::size_t row = 0;
    std::size_t inner = 1;
};

/// a [rows, inner] b [inner, columns]; columns are whole vectors.
struct RowProduct {
    std::size_t rows = 0;
    std::size_t columns = 0;
    std::size_t inner = 0;
    Strided a;
    Block<const float> b;
};

/// Rows of x in groups that follow one another.
struct RowGroups {
    std::size_t groups = 0;
    const std::uint32_t* sizes = nullptr;
    const float* factors = nullptr;  ///< of each group
    std::size_t columns = 0;         ///< whole vectors
};

/// z_ij = to_i + from_j + x_ij weights, of the ordered pairs i != j of the particles of one event:
/// row i (n - 1) + j, less one behind the diagonal.
struct PairLayer {
    std::size_t particles = 0;
    std::size_t columns = 0;     ///< whole vectors
    std::size_t quantities = 0;  ///< numbers of x_ij, at most most_pair_quantities
    Block<const float> to;
    Block<const float> from;
    const float* x = nullptr;        ///< [pairs, quantities]
    const float* weights = nullptr;  ///< [quantities, columns]
};
inline constexpr std::size_t most_pair_quantities = 4;

/// Where the derivatives of a PairLayer are added.
struct PairLayerFlow {
    Block<float> delta;  ///< [pairs, columns] by z f(z); becomes that by z
    Block<const float> slope;
    Block<float> to;  ///< written
    Block<float> from;
    float* weights = nullptr;  ///< [quantities, columns], added to
    float* x = nullptr;        ///< [pairs, quantities], written; may be null
};

/// What nets of particles do with rows of numbers, one of a particle or a pair: products of narrow
/// matrices whose outcome is finished in registers. Each element of an outcome is a sum of one
/// fixed order, so that no bit depends on the instruction set or on the rows beside it.
struct RowKernel {
    /// c = a b, or c += a b
    void (*product)(const RowProduct&, Block<float> c, bool add);

    /// value = a b + bias
    void (*affine)(const RowProduct&, const float* bias, Block<float> value);

    /// value = f(a b + bias), slope = f'(a b + bias) unless its data is null
    void (*layer)(
        const RowProduct&, const float* bias, Activation, Block<float> value, Block<float> slope);

    /// value[row] = x[row] . weights + bias. Here and below: width whole vectors.
    void (*dots)(Extent, Block<const float> x, const float* weights, float bias, float* value);

    /// value[row] = x[row] . y[row]
    void (*row_dots)(Extent, Block<const float> x, Block<const float> y, float* value);

    /// to[row] = or += factors[row] weights
    void (*outer)(Extent, const float* factors, const float* weights, Block<float> to, bool add);

    /// sum += sum over rows of factors[row] x[row]
    void (*weighted_sum)(Extent, const float* factors, Block<const float> x, float* sum);

    /// flow *= slope unless its data is null; sum += sum over rows of flow
    void (*delta)(Extent, Block<float> flow, Block<const float> slope, float* sum);

    /// to[row] = or += factors[row] x[row]
    void (*scale)(Extent, const float* factors, Block<const float> x, Block<float> to, bool add);

    /// sums[group] = factor * sum of its rows
    void (*group_sums)(const RowGroups&, Block<const float> x, Block<float> sums);

    /// to[row] = or += factor * from[its group]
    void (*spread)(const RowGroups&, Block<const float> from, Block<float> to, bool add);

    /// value = 1 / (1 + exp(-x)). \param n  here and below: any number
    void (*sigmoid)(std::size_t n, const float* x, float* value);

    /// value = sign(x) ln(1 + |x|); slope = its derivative unless null
    void (*psi)(std::size_t n, const float* x, float* value, float* slope);

    /// value = f(z), slope unless its data is null
    void (*pair_layer)(const PairLayer&, Activation, Block<float> value, Block<float> slope);
    void (*pair_layer_flow)(const PairLayer&, const PairLayerFlow&);
};

/// For the instruction set of this machine.
const RowKernel& row_kernel();

namespace portable {
const RowKernel& row_kernel();
}
namespace avx2 {
const RowKernel& row_kernel();
}
namespace avx512 {
const RowKernel& row_kernel();
}

}  // namespace ratiofarm::trainer
