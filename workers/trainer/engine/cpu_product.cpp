#include "cpu_product.hpp"

#include <algorithm>
#include <fstream>
#include <string>

#include <dlfcn.h>

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>

#include "ratiofarm/core/contracts.hpp"

#include "core/instruction_set.hpp"

#include "cpu_team.hpp"
#include "product_kernel.hpp"

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
std::size_t whole(std::int64_t value) { return static_cast<std::size_t>(value); }

void product_by_blas(const ProductShape& shape,
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

/// Without fused multiply-adds in the processor these kernels are slow.
bool multiplies_by_kernel() {
    static const bool fused = widest_instructions() != VectorInstructions::portable;
    return fused;
}

const ProductKernel& product_kernel() {
    return RATIOFARM_COMPILED_FOR(widest_instructions(), product_kernel());
}

std::size_t up_to(std::size_t value, std::size_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

/// A panel of b stays in the second-level cache, and with it the rows of a that it meets. Products
/// of 1500 x 1500 want no smaller ones: with 384 they are 6 % slower.
constexpr std::size_t inner_block = 2048;
constexpr std::size_t row_block = 120;

/// Where the rows of a panel lie: those of b itself, or one panel after the other in each block.
struct Panels {
    const float* data = nullptr;
    std::size_t stride = 0;  ///< of b itself, else 0
    std::size_t columns = 0;

    const float* at(std::size_t inner, std::size_t inner_size, std::size_t column) const {
        if (stride > 0) return data + inner * stride + column;
        return data + inner * up_to(columns, product_kernel().panel) + column * inner_size;
    }
};

/// Work on blocks of [0, size): work(begin, length).
template <class Work>
void in_blocks(std::size_t size, std::size_t block, const Work& work) {
    for (std::size_t begin = 0; begin < size; begin += block) {
        work(begin, std::min(block, size - begin));
    }
}

void pack_panels(const ProductShape& shape, const Matrix<float>& b, float* panels) {
    const ProductKernel& kernel = product_kernel();
    const std::size_t columns = whole(shape.columns), inner = whole(shape.inner);
    const Panels to{panels, 0, columns};
    in_parts(columns, kernel.panel, 2 * inner, [&](std::size_t begin, std::size_t end) {
        in_blocks(inner, inner_block, [&](std::size_t k, std::size_t length) {
            for (std::size_t n = begin; n < end; n += kernel.panel) {
                const std::size_t stride = whole(b.stride);
                const std::size_t place = b.transposed ? n * stride + k : k * stride + n;
                kernel.pack({.columns = std::min(kernel.panel, columns - n),
                             .inner = length,
                             .b = b.data + place,
                             .b_stride = stride,
                             .transposed = b.transposed},
                            panels + (to.at(k, length, n) - panels));
            }
        });
    });
}

/// A product and what multiplies a panel.
struct ProductTask {
    ProductShape shape;
    Matrix<float> a;
    Panels b;
    Block<float> result;
    bool add = false;
    PanelMultiply* multiply = nullptr;
};

/// Rows [begin, end) of the result.
void multiply_rows(const ProductTask& task, std::size_t begin, std::size_t end) {
    const ProductKernel& kernel = product_kernel();
    const auto& [shape, a, b, result, add, multiply] = task;
    PanelProduct part{.a_row = a.transposed ? 1 : whole(a.stride),
                      .a_inner = a.transposed ? whole(a.stride) : 1,
                      .b_stride = b.stride > 0 ? b.stride : kernel.panel,
                      .c_stride = result.stride};
    in_blocks(whole(shape.inner), inner_block, [&](std::size_t k, std::size_t length) {
        part.inner = length;
        part.add = add || k > 0;
        in_blocks(end - begin, row_block, [&](std::size_t first, std::size_t rows) {
            part.rows = rows;
            part.a = a.data + (begin + first) * part.a_row + k * part.a_inner;
            in_blocks(b.columns, kernel.panel, [&](std::size_t n, std::size_t columns) {
                const std::size_t vectors = up_to(columns, kernel.lanes);
                part.columns = n + vectors <= result.stride ? vectors : columns;
                part.b = b.at(k, length, n);
                part.c = result.row(begin + first) + n;
                multiply(part);
            });
        });
    });
}

/// True if tiles may read b where it lies: whole vectors, and few enough lines that they stay in
/// the cache from one tile to the next.
bool reads_in_place(const ProductShape& shape, const Matrix<float>& b) {
    constexpr std::int64_t largest_stride = 512;
    return !b.transposed && b.stride <= largest_stride &&
           whole(b.stride) >= up_to(whole(shape.columns), product_kernel().lanes);
}

/// Memory for the panels of one product.
float* scratch(std::size_t size) {
    static thread_local Memory<float> memory;
    static thread_local std::size_t held = 0;
    if (size > held) {
        memory = Memory<float>(1, size);
        held = size;
    }
    return memory.block().data;
}

std::size_t size_of_panels(std::int64_t inner, std::int64_t columns) {
    return whole(inner) * up_to(whole(columns), product_kernel().panel);
}

/// Where b lies, or a copy.
Panels panels_of(const ProductShape& shape, const Matrix<float>& b) {
    if (reads_in_place(shape, b)) return {b.data, whole(b.stride), whole(shape.columns)};
    float* memory = scratch(size_of_panels(shape.inner, shape.columns));
    pack_panels(shape, b, memory);
    return {memory, 0, whole(shape.columns)};
}

void multiply_in_parts(const ProductTask& task) {
    const std::size_t cost = whole(task.shape.columns) * whole(task.shape.inner) / 32;
    in_parts(whole(task.shape.rows), 12, cost,
             [&](std::size_t begin, std::size_t end) { multiply_rows(task, begin, end); });
}

}  // namespace

bool multiplies_pairs() {
    static const bool can = widest_instructions() == VectorInstructions::avx512 &&
                            pair_product() != nullptr && !has_tiles();
    return can;
}

void PackedMatrix::set(std::int64_t inner, std::int64_t columns, const Matrix<float>& b) {
    source_ = b;
    if (!multiplies_by_kernel()) return;
    const std::size_t size = size_of_panels(inner, columns);
    if (size_ != size) panels_ = Memory<float>(1, size);
    size_ = size;
    pack_panels({.rows = 0, .columns = columns, .inner = inner}, b, panels_.block().data);
}

void product(const ProductShape& shape,
             const Matrix<float>& a,
             const Matrix<float>& b,
             Block<float> result,
             bool add) {
    if (!multiplies_by_kernel()) return product_by_blas(shape, a, b, result, add);
    multiply_in_parts({shape, a, panels_of(shape, b), result, add, product_kernel().multiply});
}

void product_of_pairs(const ProductShape& shape,
                      const Matrix<float>& a,
                      const Matrix<float>& b,
                      Block<float> result,
                      bool add) {
    RATIOFARM_EXPECT(multiplies_pairs());
    multiply_in_parts({shape, a, panels_of(shape, b), result, add, pair_product()});
}

void product(const ProductShape& shape,
             const Matrix<float>& a,
             const PackedMatrix& b,
             Block<float> result,
             Elements elements) {
    if (!multiplies_by_kernel()) return product_by_blas(shape, a, b.source(), result, false);
    PanelMultiply* by = elements == Elements::pairs ? pair_product() : product_kernel().multiply;
    multiply_rows({shape, a, {b.panels(), 0, whole(shape.columns)}, result, false, by}, 0,
                  whole(shape.rows));
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
