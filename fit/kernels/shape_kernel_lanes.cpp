// The kernels proper: sums over one block of events, in two passes over its columns. Compiled per
// instruction set; see core/lanes.hpp.

#include "shape_elements.hpp"
#include "shape_mixture.hpp"
#include "shape_product.hpp"

namespace ratiofarm {
namespace {

/// Adds the events of a block to lanes. \param lanes [shape_lanes]
inline void add_to_lanes(const double* values, double* lanes) {
    for (std::size_t l = 0; l < shape_lanes; l += width) {
        Doubles sum = load(lanes + l);
        for (std::size_t i = l; i < shape_block; i += shape_lanes) sum = sum + load(values + i);
        store(lanes + l, sum);
    }
}

/// Two sums over a block, of weight * x and weight * y.
inline void add_products(
    const double* weight, const double* x, const double* y, double* x_lanes, double* y_lanes) {
    for (std::size_t l = 0; l < shape_lanes; l += width) {
        Doubles x_sum = load(x_lanes + l);
        Doubles y_sum = load(y_lanes + l);
        for (std::size_t i = l; i < shape_block; i += shape_lanes) {
            const Doubles w = load(weight + i);
            x_sum = fma(w, load(x + i), x_sum);
            y_sum = fma(w, load(y + i), y_sum);
        }
        store(x_lanes + l, x_sum);
        store(y_lanes + l, y_sum);
    }
}
/// In single precision 16 lanes gather the block, which join the 8 of the shard in order.
inline void add_products(
    const float* weight, const float* x, const float* y, double* x_lanes, double* y_lanes) {
    constexpr std::size_t lanes = 2 * shape_lanes;
    alignas(64) float sums[2][lanes];
    for (std::size_t l = 0; l < lanes; l += 2 * width) {
        Floats x_sum{};
        Floats y_sum{};
        for (std::size_t i = l; i < shape_block; i += lanes) {
            const Floats w = load(weight + i);
            x_sum = fma(w, load(x + i), x_sum);
            y_sum = fma(w, load(y + i), y_sum);
        }
        store(sums[0] + l, x_sum);
        store(sums[1] + l, y_sum);
    }
    for (std::size_t l = 0; l < shape_lanes; l += width) {
        store(x_lanes + l,
              load(x_lanes + l) + load_wide(sums[0] + l) + load_wide(sums[0] + shape_lanes + l));
        store(y_lanes + l,
              load(y_lanes + l) + load_wide(sums[1] + l) + load_wide(sums[1] + shape_lanes + l));
    }
}

/// Factors of the events of one process, in the kernel's precision.
template <class Real>
struct Factors {
    alignas(64) Real gradient[shape_block];  ///< of u and v in the gradients
    alignas(64) Real product[shape_block];   ///< of u u in the symmetric product, or their roots
};

/// Adds the gathered rows to a matrix.
template <class Real>
void multiply(std::size_t n,
              const ShapeWork<Real>& work,
              std::size_t matrix,
              Operands<Real>& operands) {
    if (n == 0 || operands.n_rows == 0) return;
    Real* to = nullptr;
    if constexpr (sizeof(Real) == sizeof(double)) {
        to = work.matrices + matrix;
    } else {
        to = work.product + matrix;
    }
    const Real* left = operands.same ? operands.rows : operands.scaled;
    update_product<Real>({n, operands.n_rows, left, operands.rows, to}, operands.ahead);
    operands.n_rows = 0;
}

/// Gradients and rows of the product for one process.
template <class Real>
void add_process(const ShapePlan& plan,
                 std::size_t process,
                 Factors<Real>& factors,
                 const ShapeWork<Real>& work,
                 std::size_t matrix,
                 Operands<Real>& operands) {
    constexpr std::size_t lanes = lanes_of<Real>;
    const std::size_t first = plan.first_column[process];
    const std::size_t last = plan.first_column[process + 1];
    const bool same = take_roots(factors.product);
    if (same != operands.same || operands.n_rows == product_rows) {
        multiply(last - first, work, matrix, operands);
    }
    operands.same = same;
    for (std::size_t begin = first; begin < last; begin += lanes) {
        const std::size_t end = begin + lanes < last ? begin + lanes : last;
        for (std::size_t c = begin; c < end; ++c) {
            add_products(factors.gradient, work.gradient + c * shape_block,
                         work.curvature + c * shape_block, work.column_gradient + c * shape_lanes,
                         work.column_curvature + c * shape_lanes);
        }
        put_rows(work.gradient + begin * shape_block, factors.product, begin - first, operands);
    }
    operands.n_rows += shape_block;
}

template <class Real>
void flush(std::size_t n, const ShapeWork<Real>& work, std::size_t matrix) {
    if constexpr (sizeof(Real) != sizeof(double)) {
        flush_product(n, work.product + matrix, work.matrices + matrix);
    }
}

/// T becomes T / D, of all processes.
template <class Real>
void share_out(const ShapePlan& plan,
               const ShapePoint<Real>& point,
               const ShapeWork<Real>& work,
               const MixtureBlock& mixtures) {
    for (std::size_t j = 0; j < plan.n_processes; ++j) {
        for (std::size_t i = 0; i < shape_block; i += width) {
            const std::size_t at = j * shape_block + i;
            const Doubles share = load(work.ratio + at) * load(mixtures.inverse + i);
            store(work.ratio + at, share);
            store_as(work.share + at, share * point.rates[j]);
        }
    }
}

/// Gradient and product factors of a process, its ratio being T / D. Adds to its gradient.
template <class Real>
void mixture_factors(double rate,
                     const double* share,
                     const MixtureBlock& mixtures,
                     double* lanes,
                     Factors<Real>& factors) {
    alignas(64) double gradient[shape_block];
    for (std::size_t i = 0; i < shape_block; i += width) {
        const Doubles weighted = load(share + i) * load(mixtures.gradient + i);
        store(gradient + i, weighted);
        store_as(factors.gradient + i, weighted);
        store_as(factors.product + i, weighted * rate);
    }
    add_to_lanes(gradient, lanes);
}

/// z of one shape parameter. \param z [block]
template <class Real>
void respond(const ShapePlan& plan, const ShapeWork<Real>& work, std::size_t parameter, Real* z) {
    constexpr std::size_t n_vectors = shape_block / lanes_of<Real>;
    Vector<Real> sum[n_vectors] = {};
    for (std::size_t k = plan.first_of_parameter[parameter];
         k < plan.first_of_parameter[parameter + 1]; ++k) {
        const std::size_t j = plan.process_of_parameter[k];
        const Real* share = work.share + j * shape_block;
        const Real* u = work.gradient + plan.column_of_parameter[k] * shape_block;
#pragma GCC unroll 8
        for (std::size_t i = 0; i < n_vectors; ++i) {
            const std::size_t at = i * lanes_of<Real>;
            sum[i] = fma(load(share + at), load(u + at), sum[i]);
        }
    }
    for (std::size_t i = 0; i < n_vectors; ++i) store(z + i * lanes_of<Real>, sum[i]);
}

/// The product of z with itself.
template <class Real>
void add_outer(const ShapePlan& plan,
               const ShapeWork<Real>& work,
               const MixtureBlock& mixtures,
               Ahead& ahead) {
    constexpr std::size_t lanes = lanes_of<Real>;
    const std::size_t p = plan.n_parameters;
    const std::size_t n = p + plan.n_processes;
    alignas(64) Real curvature[shape_block];
    for (std::size_t i = 0; i < shape_block; i += width) {
        store_as(curvature + i, load(mixtures.curvature + i));
    }
    Operands<Real> operands{work.scaled, work.rows, 0, take_roots(curvature), ahead};
    alignas(64) Real z[lanes * shape_block];
    for (std::size_t begin = 0; begin < n; begin += lanes) {
        for (std::size_t k = 0; k < lanes; ++k) {
            Real* to = z + k * shape_block;
            const std::size_t m = begin + k;
            if (m < p) {
                respond(plan, work, m, to);
                continue;
            }
            for (std::size_t i = 0; i < shape_block; i += width) {
                store_as(to + i, m < n ? load(work.ratio + (m - p) * shape_block + i) : Doubles{});
            }
        }
        put_rows(z, curvature, begin, operands);
    }
    operands.n_rows = shape_block;
    multiply(n, work, work.outer_at, operands);
    ahead = operands.ahead;
    flush(n, work, work.outer_at);
}

template <class Real, class Stored>
void mixture_block(const ShapePlan& plan,
                   const ShapePoint<Real>& point,
                   const ShapeBlock& block,
                   const ShapeWork<Real>& work) {
    for (std::size_t j = 0; j < plan.n_processes; ++j) {
        shape_process<Real, Stored>(plan, point, block, work, j);
    }
    MixtureBlock mixtures;
    mix(plan, point, block, work, mixtures);

    share_out(plan, point, work, mixtures);
    Ahead ahead = block.ahead;
    add_outer(plan, work, mixtures, ahead);
    Factors<Real> factors;
    Operands<Real> operands{work.scaled, work.rows, 0, false, ahead};
    for (std::size_t g = 0; g < plan.n_groups; ++g) {
        std::size_t n = 0;
        for (std::size_t k = plan.first_of_group[g]; k < plan.first_of_group[g + 1]; ++k) {
            const std::size_t j = plan.process_of_group[k];
            n = plan.first_column[j + 1] - plan.first_column[j];
            mixture_factors(point.rates[j], work.ratio + j * shape_block, mixtures,
                            work.process + j * shape_lanes, factors);
            if (n == 0) continue;
            add_process(plan, j, factors, work, work.matrix_at[g], operands);
        }
        multiply(n, work, work.matrix_at[g], operands);
        flush(n, work, work.matrix_at[g]);
    }
}

template <class Real, class Stored>
void reference_block(const ShapePlan& plan,
                     const ShapePoint<Real>& point,
                     const ShapeBlock& block,
                     const ShapeWork<Real>& work) {
    add_to_lanes(block.weight, work.value);
    Factors<Real> factors;
    Operands<Real> operands{work.scaled, work.rows, 0, false, block.ahead};
    alignas(64) double weighted[shape_block];
    for (std::size_t j = 0; j < plan.n_processes; ++j) {
        shape_process<Real, Stored>(plan, point, block, work, j);
        const double* ratio = work.ratio + j * shape_block;
        for (std::size_t i = 0; i < shape_block; i += width) {
            const Doubles product = load(block.weight + i) * load(ratio + i);
            store(weighted + i, product);
            store_as(factors.gradient + i, product);
            store_as(factors.product + i, product);
        }
        add_to_lanes(weighted, work.process + j * shape_lanes);
        const std::size_t n = plan.first_column[j + 1] - plan.first_column[j];
        if (n == 0) continue;
        add_process(plan, j, factors, work, work.matrix_at[j], operands);
        multiply(n, work, work.matrix_at[j], operands);
        flush(n, work, work.matrix_at[j]);
    }
}

}  // namespace

namespace RATIOFARM_INSTRUCTIONS {

ShapeKernels shape_kernels() {
    ShapeKernels kernels;
    kernels.fp64[0] = {mixture_block<double, float>, reference_block<double, float>};
    kernels.fp64[1] = {mixture_block<double, Half>, reference_block<double, Half>};
    kernels.fp32[0] = {mixture_block<float, float>, reference_block<float, float>};
    kernels.fp32[1] = {mixture_block<float, Half>, reference_block<float, Half>};
    kernels.to_half = to_half;
    return kernels;
}

}  // namespace RATIOFARM_INSTRUCTIONS
}  // namespace ratiofarm
