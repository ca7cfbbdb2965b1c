#include "cpu_product.hpp"

#include <fstream>
#include <string>

#include <dlfcn.h>

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>

namespace ratiofarm::trainer {
namespace {

using Sgemm = void (*)(const char*,
                       const char*,
                       const int*,
                       const int*,
                       const int*,
                       const float*,
                       const float*,
                       const int*,
                       const float*,
                       const int*,
                       const float*,
                       float*,
                       const int*);
using GemmBf16 = void (*)(
    int, int, int, int, int, int, float, const Bf16*, int, const Bf16*, int, float, float*, int);

template <class Function>
Function find(const char* name) {
    return reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
}

/// MKL multiplies bf16 fast where the processor has tiles; elsewhere oneDNN, behind at::mm, does.
bool has_tiles() {
    std::ifstream file("/proc/cpuinfo");
    std::string word;
    while (file >> word) {
        if (word == "amx_bf16") return true;
        if (word == "bugs") return false;
    }
    return false;
}

template <class T>
at::Tensor tensor(const Matrix<T>& matrix, std::int64_t rows, std::int64_t columns) {
    const auto type = sizeof(T) == 2 ? at::kBFloat16 : at::kFloat;
    auto* data = const_cast<T*>(matrix.data);  // from_blob wants it; only read
    const std::int64_t down = matrix.transposed ? 1 : matrix.stride;
    const std::int64_t right = matrix.transposed ? matrix.stride : 1;
    return at::from_blob(data, {rows, columns}, {down, right}, type);
}

template <class T>
void product_by_tensors(const ProductShape& shape,
                        const Matrix<T>& a,
                        const Matrix<T>& b,
                        Block<float> result,
                        bool add) {
    const at::Tensor value =
        at::mm(tensor(a, shape.rows, shape.inner), tensor(b, shape.inner, shape.columns));
    at::Tensor out = at::from_blob(result.data, {shape.rows, shape.columns},
                                   {static_cast<std::int64_t>(result.stride), 1}, at::kFloat);
    if (add) {
        out.add_(value);
    } else {
        out.copy_(value);
    }
}

int narrow(std::int64_t value) { return static_cast<int>(value); }

}  // namespace

void product(const ProductShape& shape,
             const Matrix<float>& a,
             const Matrix<float>& b,
             Block<float> result,
             bool add) {
    static const auto sgemm = find<Sgemm>("sgemm_");
    if (sgemm == nullptr) return product_by_tensors(shape, a, b, result, add);
    // Column-major, as BLAS sees the memory: result^T = b^T a^T.
    const char transpose_a = a.transposed ? 'T' : 'N';
    const char transpose_b = b.transposed ? 'T' : 'N';
    const int m = narrow(shape.columns), n = narrow(shape.rows), k = narrow(shape.inner);
    const int stride_a = narrow(a.stride), stride_b = narrow(b.stride);
    const int stride = narrow(static_cast<std::int64_t>(result.stride));
    const float one = 1.0F;
    const float keep = add ? 1.0F : 0.0F;
    sgemm(&transpose_b, &transpose_a, &m, &n, &k, &one, b.data, &stride_b, a.data, &stride_a, &keep,
          result.data, &stride);
}

void product(const ProductShape& shape,
             const Matrix<Bf16>& a,
             const Matrix<Bf16>& b,
             Block<float> result,
             bool add) {
    static const auto gemm =
        has_tiles() ? find<GemmBf16>("cblas_gemm_bf16bf16f32") : GemmBf16{nullptr};
    if (gemm == nullptr) return product_by_tensors(shape, a, b, result, add);
    constexpr int row_major = 101, plain = 111, transposed = 112;
    gemm(row_major, a.transposed ? transposed : plain, b.transposed ? transposed : plain,
         narrow(shape.rows), narrow(shape.columns), narrow(shape.inner), 1.0F, a.data,
         narrow(a.stride), b.data, narrow(b.stride), add ? 1.0F : 0.0F, result.data,
         narrow(static_cast<std::int64_t>(result.stride)));
}

}  // namespace ratiofarm::trainer
