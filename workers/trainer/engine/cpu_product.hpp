#pragma once

#include <cstddef>
#include <cstdint>

#include "line_memory.hpp"
#include "step_kernel.hpp"

namespace ratiofarm::trainer {

/// A matrix in memory, row-major, `stride` elements from row to row.
template <class T>
struct Matrix {
    const T* data = nullptr;
    std::int64_t stride = 0;
    bool transposed = false;  ///< the operand is the transpose of what lies in memory
};

struct ProductShape {
    std::int64_t rows = 0;
    std::int64_t columns = 0;
    std::int64_t inner = 0;
};

/// Elements of a and b: floats, or pairs of bf16 at neighbouring places of the inner index, which
/// then counts pairs.
enum class Elements : std::uint8_t { floats, pairs };

/// True where products of pairs are the way to multiply bf16: by dot products of the processor
/// (AVX-512 BF16), unless it has tiles, which MKL uses.
bool multiplies_pairs();

/// The second operand of products with several first ones, in the order in which they read it.
class PackedMatrix {
public:
    PackedMatrix() = default;

    /// Is read now where kernels of our own multiply, else by the products.
    /// \param b  [inner, columns]
    void set(std::int64_t inner, std::int64_t columns, const Matrix<float>& b);

    const Matrix<float>& source() const { return source_; }
    const float* panels() const { return panels_.block().data; }

private:
    Matrix<float> source_;
    Memory<float> panels_;
    std::size_t size_ = 0;
};

/// result = a b, or result += a b. Operands float or bf16, sums and result float.
///
/// In fp32 by kernels of our own where the processor has fused multiply-adds (AVX2 or AVX-512): the
/// bits of an element are those of one chain of them over the inner index, whatever the shape, the
/// threads, the instruction set and the place in memory. A row of b and of the result whose stride
/// holds whole vectors may be read and written up to there.
///
/// Elsewhere, and in bf16 that is not in pairs, the BLAS inside LibTorch, by its symbols; where
/// they cannot be found, at::mm. Bits are then determined by shape, strides, transposition,
/// threads, processor and where the operands lie within a line of 64 bytes. Who wants the same bits
/// again keeps the same places: see CpuNet. Why not at::mm_out: it makes three tensors and chooses
/// a path each time, up to 1.6 microseconds a product, cannot add to a bf16 product in fp32, and
/// rounds such a product to bf16.
///
/// Why not MKL: on a processor of AMD it multiplies by AVX2, 98 to 110 GF/s for widths of 64 to
/// 1500 where these kernels reach 190 to 250 of 263 (AMD EPYC, family 26, AVX-512, one thread). Why
/// not oneDNN: it rounds sums of bf16 to bf16.
void product(const ProductShape& shape,
             const Matrix<float>& a,
             const Matrix<float>& b,
             Block<float> result,
             bool add = false);

/// Of pairs where multiplies_pairs().
void product_of_pairs(const ProductShape& shape,
                      const Matrix<float>& a,
                      const Matrix<float>& b,
                      Block<float> result,
                      bool add = false);

/// On the thread of the caller.
void product(const ProductShape& shape,
             const Matrix<float>& a,
             const PackedMatrix& b,
             Block<float> result,
             Elements elements = Elements::floats);

void product(const ProductShape& shape,
             const Matrix<Bf16>& a,
             const Matrix<Bf16>& b,
             Block<float> result,
             bool add = false);

}  // namespace ratiofarm::trainer
