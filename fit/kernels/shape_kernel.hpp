#pragma once

#include <cstddef>
#include <cstdint>

namespace ratiofarm {

enum class InstructionSet : std::uint8_t;

/// Events are stored and evaluated in blocks; the last one of a list is padded without weight.
inline constexpr std::size_t shape_block = 64;

/// Sums of one quantity over events keep this many lanes: event i goes to lane i mod 8.
inline constexpr std::size_t shape_lanes = 8;

/// Rows of a symmetric product that are gathered before it is updated.
inline constexpr std::size_t product_rows = 2 * shape_block;

/// Columns that a transposition may read beyond the last.
inline constexpr std::size_t transposed_spare = 16;

/// Rows of matrices begin on cache lines.
inline constexpr std::size_t padded_width(std::size_t n) { return (n + 15) / 16 * 16; }

/// Which shape columns there are, sorted by process, then by parameter.
struct ShapePlan {
    std::size_t n_processes = 0;
    std::size_t n_parameters = 0;
    std::size_t n_columns = 0;
    const std::size_t* first_column = nullptr;  ///< [S + 1]
    /// The columns of each parameter, with their processes.
    const std::size_t* first_of_parameter = nullptr;  ///< [P + 1], into the next two
    const std::size_t* column_of_parameter = nullptr;
    const std::size_t* process_of_parameter = nullptr;
    /// Processes with the same parameters share one symmetric product in mixture sums.
    std::size_t n_groups = 0;
    const std::size_t* first_of_group = nullptr;  ///< [groups + 1], into process_of_group
    const std::size_t* process_of_group = nullptr;
    const double* yields = nullptr;  ///< [S]
};

/// InterpolationWeights of one column at one alpha, in the precision of the kernel.
template <class Real>
struct ColumnWeights {
    Real constant[3];
    Real weight[3][6];
    Real power = 0;     ///< the factor of ln g in the power forms
    Real smallest = 0;  ///< g is held above it
    int side = 0;       ///< of the power forms: 1 up, -1 down, 2 both; 0: the linear form
};

/// Where the sums are wanted.
template <class Real>
struct ShapePoint {
    const double* rates = nullptr;                 ///< [S], of mixture sums only
    const ColumnWeights<Real>* columns = nullptr;  ///< [C]
};

/// Memory that is wanted soon: fetched while the products keep the arithmetic busy.
struct Ahead {
    const char* next = nullptr;
    const char* end = nullptr;
};

/// One block of events.
struct ShapeBlock {
    const double* weight = nullptr;  ///< [block], of the sums wanted
    const double* ratio = nullptr;   ///< [S][ratio_stride], r_ij
    std::size_t ratio_stride = 0;
    const void* log_g = nullptr;          ///< [C][up, down][block], as stored
    const std::uint8_t* reach = nullptr;  ///< [C], largest |ln g| <= 2^reach / 8
    Ahead ahead;                          ///< ln g of the next block
};

/// Scratch and sums of one thread. What it points to begins on cache lines and is zero at first.
template <class Real>
struct ShapeWork {
    Real* gradient = nullptr;   ///< [C + spare][block], u
    Real* curvature = nullptr;  ///< [C][block], v
    double* ratio = nullptr;    ///< [S][block], T
    Real* share = nullptr;      ///< [S][block], R T / D
    Real* scaled = nullptr;     ///< [padded P + S][product_rows], operand of a product
    Real* rows = nullptr;       ///< [padded P + S][product_rows], the other one
    Real* product = nullptr;    ///< as outer and matrices; unused where Real is double

    // Sums of the shard.
    double* value = nullptr;             ///< [lanes], sum w L; of the reference: sum w
    double* below_floor = nullptr;       ///< [1]
    double* clipped = nullptr;           ///< [S]
    double* process = nullptr;           ///< [S][lanes], sum w L' T
    double* column_gradient = nullptr;   ///< [C][lanes], sum w L' T u
    double* column_curvature = nullptr;  ///< [C][lanes], sum w L' T v
    double* matrices = nullptr;          ///< symmetric products of each group (mixture) or process
    const std::size_t* matrix_at = nullptr;  ///< [groups or S], where each of them begins
    std::size_t outer_at = 0;                ///< where that of z begins; mixture only
};

/// Adds a block to the sums. Any instruction set gives the same bits.
template <class Real>
using ShapeKernel =
    void (*)(const ShapePlan&, const ShapePoint<Real>&, const ShapeBlock&, const ShapeWork<Real>&);

template <class Real>
struct ShapeKernelPair {
    ShapeKernel<Real> mixture = nullptr;
    ShapeKernel<Real> reference = nullptr;
};

/// [storage of ln g: fp32, fp16]
struct ShapeKernels {
    ShapeKernelPair<double> fp64[2];
    ShapeKernelPair<float> fp32[2];
    template <class Real>
    const ShapeKernelPair<Real>& of(std::size_t storage) const {
        if constexpr (sizeof(Real) == sizeof(double)) {
            return fp64[storage];
        } else {
            return fp32[storage];
        }
    }
    /// Rounds to fp16, to the nearest even. \param n a multiple of 16
    void (*to_half)(const float* from, std::uint16_t* to, std::size_t n) = nullptr;
};

/// What this machine can run, at most the instructions asked for.
ShapeKernels choose_shape_kernels(InstructionSet wanted);

namespace portable {
ShapeKernels shape_kernels();
}
namespace avx2 {
ShapeKernels shape_kernels();
}
namespace avx512 {
ShapeKernels shape_kernels();
}

}  // namespace ratiofarm
