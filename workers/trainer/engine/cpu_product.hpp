#pragma once

#include <cstdint>

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

/// result = a b, or result += a b. Operands float or bf16, sums and result float. The only place
/// that calls the BLAS inside LibTorch by its symbols; where they cannot be found, at::mm serves.
///
/// Why not at::mm_out throughout: it makes three tensors and chooses a path each time, up to 1.6
/// microseconds a product. Of [128, 64] [64, 64] that is 7 % (12.1 us by sgemm_, 13.1 by
/// at::mm_out), of [1024, 64] 1.4 %, of [128, 256] [256, 256] 0.9 % (AMD EPYC, AVX2, one thread);
/// it cannot add to a bf16 product in fp32, and rounds such a product to bf16.
///
/// The bits of a result are determined by shape, strides, transposition, threads, processor and
/// where the operands lie within a line of 64 bytes: MKL may choose kernels by that (on an AMD
/// EPYC with AVX2 it does unless MKL_CBWR is set, for products of a few columns). Who wants the
/// same bits again keeps the same places: see CpuNet.
void product(const ProductShape& shape,
             const Matrix<float>& a,
             const Matrix<float>& b,
             Block<float> result,
             bool add = false);
void product(const ProductShape& shape,
             const Matrix<Bf16>& a,
             const Matrix<Bf16>& b,
             Block<float> result,
             bool add = false);

}  // namespace ratiofarm::trainer
