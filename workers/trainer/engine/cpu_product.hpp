#pragma once

#include <cstdint>

#include "step_kernel.hpp"

namespace ratiofarm {

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

/// result = a b, or result += a b. Operands float or bf16, sums and result float. Goes straight to
/// the BLAS inside LibTorch where its symbols can be found, else through at::mm, which costs a
/// microsecond and, for bf16, rounds the product to bf16.
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

}  // namespace ratiofarm
