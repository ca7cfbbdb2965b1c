// Oracle: one chain of fused multiply-adds for each element, bit by bit.

#include <cmath>
#include <random>

#include <ATen/Parallel.h>

#include "ratiofarm_test/catch.hpp"

#include "core/instruction_set.hpp"
#include "workers/trainer/engine/cpu_product.hpp"
#include "workers/trainer/engine/product_kernel.hpp"

namespace ratiofarm::trainer {
namespace {

struct Operands {
    ProductShape shape;
    bool a_transposed = false;
    bool b_transposed = false;
    Memory<float> a;
    Memory<float> b;
    Memory<float> c;

    Operands(ProductShape of, bool transposes_a, bool transposes_b)
        : shape(of), a_transposed(transposes_a), b_transposed(transposes_b) {
        const auto m = static_cast<std::size_t>(of.rows);
        const auto n = static_cast<std::size_t>(of.columns);
        const auto k = static_cast<std::size_t>(of.inner);
        a = a_transposed ? drawn(k, m) : drawn(m, k);
        b = b_transposed ? drawn(n, k) : drawn(k, n);
        c = drawn(m, n);
    }

    Memory<float> drawn(std::size_t rows, std::size_t width) {
        Memory<float> memory(rows, width);
        for (std::size_t row = 0; row < rows; ++row) {
            for (std::size_t column = 0; column < width; ++column) {
                memory.block().row(row)[column] = normal_(generator_);
            }
        }
        return memory;
    }

    static Matrix<float> matrix(const Memory<float>& memory, bool transposed) {
        return {memory.block().data, static_cast<std::int64_t>(memory.block().stride), transposed};
    }
    float a_at(std::size_t row, std::size_t k) const {
        return a_transposed ? a.block().row(k)[row] : a.block().row(row)[k];
    }
    float b_at(std::size_t k, std::size_t column) const {
        return b_transposed ? b.block().row(column)[k] : b.block().row(k)[column];
    }

    /// Elements that are not the chain's.
    std::size_t wrong(const Memory<float>& before, bool add) const {
        std::size_t wrong = 0;
        for (std::size_t row = 0; row < static_cast<std::size_t>(shape.rows); ++row) {
            for (std::size_t column = 0; column < static_cast<std::size_t>(shape.columns);
                 ++column) {
                float sum = add ? before.block().row(row)[column] : 0.0F;
                for (std::size_t k = 0; k < static_cast<std::size_t>(shape.inner); ++k) {
                    sum = std::fma(a_at(row, k), b_at(k, column), sum);
                }
                wrong += c.block().row(row)[column] == sum ? 0 : 1;
            }
        }
        return wrong;
    }

private:
    std::mt19937_64 generator_{1};
    std::normal_distribution<float> normal_;
};

Memory<float> copy_of(const Memory<float>& memory, std::size_t rows) {
    const std::size_t stride = memory.block().stride;
    Memory<float> copy(rows, stride);
    std::memcpy(copy.block().data, memory.block().data, rows * stride * sizeof(float));
    return copy;
}

TEST_CASE("every kernel multiplies by the same chains", "[trainer]") {
    std::vector<const ProductKernel*> kernels{&portable::product_kernel()};
#if defined(__x86_64__)
    if (widest_instructions() != VectorInstructions::portable) {
        kernels.push_back(&avx2::product_kernel());
    }
    if (widest_instructions() == VectorInstructions::avx512) {
        kernels.push_back(&avx512::product_kernel());
    }
#endif
    const bool a_transposed = GENERATE(false, true);
    const bool add = GENERATE(false, true);
    for (const ProductKernel* kernel : kernels) {
        for (const std::int64_t columns :
             {std::size_t{1}, kernel->lanes, kernel->panel - 1, kernel->panel}) {
            Operands of({31, columns, 13}, a_transposed, false);
            const auto before = copy_of(of.c, 31);
            const std::size_t stride = of.a.block().stride;
            kernel->multiply({.rows = 31,
                              .columns = static_cast<std::size_t>(columns),
                              .inner = 13,
                              .a = of.a.block().data,
                              .a_row = a_transposed ? 1 : stride,
                              .a_inner = a_transposed ? stride : 1,
                              .b = of.b.block().data,
                              .b_stride = of.b.block().stride,
                              .c = of.c.block().data,
                              .c_stride = of.c.block().stride,
                              .add = add});
            INFO(kernel->lanes << " lanes, " << columns << " columns");
            CHECK(of.wrong(before, add) == 0);
        }
    }
}

TEST_CASE("the bits of a product depend on its operands alone", "[trainer]") {
    if (widest_instructions() == VectorInstructions::portable) return;
    const bool a_transposed = GENERATE(false, true);
    const bool b_transposed = GENERATE(false, true);
    const bool add = GENERATE(false, true);
    at::set_num_threads(GENERATE(1, 2));
    // Several blocks and panels; a stride beyond which b is copied; one element.
    for (const ProductShape shape :
         {ProductShape{60, 40, 2100}, ProductShape{40, 600, 30}, ProductShape{1, 1, 1}}) {
        Operands of(shape, a_transposed, b_transposed);
        const auto before = copy_of(of.c, static_cast<std::size_t>(shape.rows));
        product(shape, Operands::matrix(of.a, a_transposed), Operands::matrix(of.b, b_transposed),
                of.c.block(), add);
        INFO(shape.rows << " x " << shape.columns << " x " << shape.inner);
        CHECK(of.wrong(before, add) == 0);

        PackedMatrix packed;
        packed.set(shape.inner, shape.columns, Operands::matrix(of.b, b_transposed));
        product(shape, Operands::matrix(of.a, a_transposed), packed, of.c.block());
        CHECK(of.wrong(before, false) == 0);
    }
    at::set_num_threads(1);
}

float value_of(Bf16 upper) {
    const std::uint32_t bits = std::uint32_t{upper} << 16;
    float value = 0.0F;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

TEST_CASE("a product of pairs is that of its elements", "[trainer]") {
    if (!multiplies_pairs()) return;
    const std::int64_t inner = GENERATE(1, 7, 400);
    constexpr std::size_t rows = 29, columns = 45;
    const auto k = static_cast<std::size_t>(inner);
    Operands of({rows, columns, inner}, false, false);
    Memory<Bf16> a(rows, k), b(k, columns);
    Memory<float> b_pairs((k + 1) / 2, columns), c(rows, columns);
    const StepKernel& kernel = step_kernel();
    kernel.bf16.convert({rows, k}, {of.a.block().data, of.a.block().stride}, a.block());
    kernel.bf16.convert({k, columns}, {of.b.block().data, of.b.block().stride}, b.block());
    kernel.pair_rows({k, columns}, {b.block().data, b.block().stride}, b_pairs.block());

    product_of_pairs({rows, columns, (inner + 1) / 2},
                     {reinterpret_cast<const float*>(a.block().data),
                      static_cast<std::int64_t>(a.block().stride / 2), false},
                     Operands::matrix(b_pairs, false), c.block());

    double largest = 0.0;
    for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t column = 0; column < columns; ++column) {
            double sum = 0.0;
            for (std::size_t i = 0; i < k; ++i) {
                sum += double{value_of(a.block().row(row)[i])} *
                       double{value_of(b.block().row(i)[column])};
            }
            largest = std::max(largest, std::abs(sum - double{c.block().row(row)[column]}));
        }
    }
    CHECK(largest < 1e-6 * static_cast<double>(inner + 10));
}

}  // namespace
}  // namespace ratiofarm::trainer
