// The passes of RowKernel over vectors of floats; compiled per instruction set, see core/lanes.hpp.

#include <cstring>

#include "core/lanes.hpp"

#include "activation_lanes.hpp"
#include "row_kernel.hpp"

namespace ratiofarm::trainer {
namespace {

using ratiofarm::load;
using ratiofarm::store;

constexpr std::size_t lanes = 2 * width;
constexpr std::size_t vectors = row_vector / lanes;  ///< of the narrowest row

/// Rows of a product whose sums fit into the registers together.
constexpr std::size_t rows_together = width == 8 ? 8 : 4;

/// Sums of R rows and V vectors, then finish(row, column, sum) of each.
template <std::size_t R, std::size_t V, class Finish>
inline void tile(const RowProduct& p, std::size_t row, std::size_t column, const Finish& finish) {
    Floats sums[R][V] = {};
    const float* a = p.a.data + row * p.a.row;
    const float* b = p.b.data + column;
    for (std::size_t k = 0; k < p.inner; ++k) {
        Floats w[V];
#pragma GCC unroll 2
        for (std::size_t v = 0; v < V; ++v) w[v] = load(b + v * lanes);
#pragma GCC unroll 8
        for (std::size_t r = 0; r < R; ++r) {
            const Floats x = all(a[r * p.a.row]);
#pragma GCC unroll 2
            for (std::size_t v = 0; v < V; ++v) sums[r][v] = fma(x, w[v], sums[r][v]);
        }
        a += p.a.inner;
        b += p.b.stride;
    }
#pragma GCC unroll 8
    for (std::size_t r = 0; r < R; ++r) {
#pragma GCC unroll 2
        for (std::size_t v = 0; v < V; ++v) finish(row + r, column + v * lanes, sums[r][v]);
    }
}

template <std::size_t V, class Finish>
void tiles_of_columns(const RowProduct& p, std::size_t column, const Finish& finish) {
    std::size_t row = 0;
    for (; row + rows_together <= p.rows; row += rows_together) {
        tile<rows_together, V>(p, row, column, finish);
    }
    if (rows_together > 4 && row + 4 <= p.rows) {
        tile<4, V>(p, row, column, finish);
        row += 4;
    }
    for (; row < p.rows; ++row) tile<1, V>(p, row, column, finish);
}

template <class Finish>
void tiles(const RowProduct& p, const Finish& finish) {
    std::size_t column = 0;
    for (; column + 2 * lanes <= p.columns; column += 2 * lanes) {
        tiles_of_columns<2>(p, column, finish);
    }
    if (column < p.columns) tiles_of_columns<1>(p, column, finish);
}

void product(const RowProduct& p, Block<float> c, bool add) {
    if (add) {
        tiles(p, [c](std::size_t row, std::size_t column, Floats sum) {
            float* to = c.row(row) + column;
            store(to, load(to) + sum);
        });
    } else {
        tiles(p, [c](std::size_t row, std::size_t column, Floats sum) {
            store(c.row(row) + column, sum);
        });
    }
}

void affine(const RowProduct& p, const float* bias, Block<float> value) {
    tiles(p, [=](std::size_t row, std::size_t column, Floats sum) {
        store(value.row(row) + column, sum + load(bias + column));
    });
}

/// call(F{}) with the activation as a type.
template <class Call>
void of_activation(Activation activation, const Call& call) {
    switch (activation) {
        case Activation::relu: call(Relu{}); return;
        case Activation::silu: call(Silu{}); return;
        case Activation::tanh: call(Tanh{}); return;
        case Activation::gelu: return;  // has_particle_pack() says no
    }
}

void layer(const RowProduct& p,
           const float* bias,
           Activation activation,
           Block<float> value,
           Block<float> slope) {
    of_activation(activation, [&](auto f) {
        using F = decltype(f);
        if (slope) {
            tiles(p, [=](std::size_t row, std::size_t column, Floats sum) {
                const Point point = F::at(sum + load(bias + column));
                store(value.row(row) + column, point.value);
                store(slope.row(row) + column, point.slope);
            });
        } else {
            tiles(p, [=](std::size_t row, std::size_t column, Floats sum) {
                store(value.row(row) + column, F::at(sum + load(bias + column)).value);
            });
        }
    });
}

/// Sixteen sums, whatever the width of a vector, added in a fixed tree.
struct Sixteen {
    Floats part[vectors] = {};

    void add(const float* x, const float* y) {
        for (std::size_t v = 0; v < vectors; ++v) {
            part[v] = fma(load(x + v * lanes), load(y + v * lanes), part[v]);
        }
    }
    float sum() const {
        using Eight = float __attribute__((vector_size(32)));
        using Four = float __attribute__((vector_size(16)));
        Eight eight[2];
        std::memcpy(eight, part, sizeof eight);
        eight[0] += eight[1];
        Four four[2];
        std::memcpy(four, eight, sizeof four);
        four[0] += four[1];
        return (four[0][0] + four[0][2]) + (four[0][1] + four[0][3]);
    }
};

inline float dot(std::size_t n, const float* x, const float* y) {
    Sixteen sums;
    for (std::size_t c = 0; c < n; c += row_vector) sums.add(x + c, y + c);
    return sums.sum();
}

void dots(Extent extent, Block<const float> x, const float* weights, float bias, float* value) {
    for (std::size_t row = 0; row < extent.rows; ++row) {
        value[row] = dot(extent.width, x.row(row), weights) + bias;
    }
}

void row_dots(Extent extent, Block<const float> x, Block<const float> y, float* value) {
    for (std::size_t row = 0; row < extent.rows; ++row) {
        value[row] = dot(extent.width, x.row(row), y.row(row));
    }
}

/// to[row] = or += factors[row] * x(row), by vectors
template <class X>
void scaled_rows(Extent extent, const float* factors, const X& x, Block<float> to, bool add) {
    for (std::size_t row = 0; row < extent.rows; ++row) {
        const Floats factor = all(factors[row]);
        const float* from = x(row);
        float* result = to.row(row);
        for (std::size_t c = 0; c < extent.width; c += lanes) {
            const Floats value = factor * load(from + c);
            store(result + c, add ? load(result + c) + value : value);
        }
    }
}

void outer(Extent extent, const float* factors, const float* weights, Block<float> to, bool add) {
    scaled_rows(
        extent, factors, [weights](std::size_t) { return weights; }, to, add);
}

void scale(Extent extent, const float* factors, Block<const float> x, Block<float> to, bool add) {
    scaled_rows(
        extent, factors, [x](std::size_t row) { return x.row(row); }, to, add);
}

void weighted_sum(Extent extent, const float* factors, Block<const float> x, float* sum) {
    for (std::size_t c = 0; c < extent.width; c += lanes) {
        Floats total = load(sum + c);
        for (std::size_t row = 0; row < extent.rows; ++row) {
            total = fma(all(factors[row]), load(x.row(row) + c), total);
        }
        store(sum + c, total);
    }
}

void delta(Extent extent, Block<float> flow, Block<const float> slope, float* sum) {
    constexpr std::size_t together = 8;  // rows for which a sum stays in its register
    for (std::size_t first = 0; first < extent.rows; first += together) {
        const std::size_t end = first + together < extent.rows ? first + together : extent.rows;
        for (std::size_t c = 0; c < extent.width; c += lanes) {
            Floats total = load(sum + c);
            for (std::size_t row = first; row < end; ++row) {
                Floats value = load(flow.row(row) + c);
                if (slope) {
                    value = value * load(slope.row(row) + c);
                    store(flow.row(row) + c, value);
                }
                total += value;
            }
            store(sum + c, total);
        }
    }
}

void group_sums(const RowGroups& of, Block<const float> x, Block<float> sums) {
    std::size_t first = 0;
    for (std::size_t group = 0; group < of.groups; ++group) {
        const Floats factor = all(of.factors[group]);
        for (std::size_t c = 0; c < of.columns; c += lanes) {
            Floats total = {};
            for (std::size_t row = first; row < first + of.sizes[group]; ++row) {
                total += load(x.row(row) + c);
            }
            store(sums.row(group) + c, total * factor);
        }
        first += of.sizes[group];
    }
}

void spread(const RowGroups& of, Block<const float> from, Block<float> to, bool add) {
    std::size_t first = 0;
    for (std::size_t group = 0; group < of.groups; ++group) {
        const Floats factor = all(of.factors[group]);
        for (std::size_t c = 0; c < of.columns; c += lanes) {
            const Floats value = factor * load(from.row(group) + c);
            for (std::size_t row = first; row < first + of.sizes[group]; ++row) {
                float* result = to.row(row) + c;
                store(result, add ? load(result) + value : value);
            }
        }
        first += of.sizes[group];
    }
}

/// work(x, store of the result) for all numbers; the rest of a vector as a part of one.
template <class Work>
void for_numbers(std::size_t n, const Work& work) {
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes) work(i, lanes);
    if (i < n) work(i, n - i);
}

inline Floats load_part(const float* from, std::size_t n) {
    if (n == lanes) return load(from);
    float part[lanes] = {};
    std::memcpy(part, from, n * sizeof(float));
    return load(part);
}

inline void store_part(float* to, Floats value, std::size_t n) {
    if (n == lanes) {
        store(to, value);
        return;
    }
    float part[lanes];
    store(part, value);
    std::memcpy(to, part, n * sizeof(float));
}

void sigmoid(std::size_t n, const float* x, float* value) {
    for_numbers(n, [=](std::size_t i, std::size_t part) {
        store_part(value + i, ratiofarm::trainer::sigmoid(load_part(x + i, part)), part);
    });
}

/// In double precision, as 1 + |x| in fp32 would lose small x.
void psi(std::size_t n, const float* x, float* value, float* slope) {
    for_numbers(n, [=](std::size_t i, std::size_t part) {
        float in[lanes] = {};
        float out[lanes];
        float derivative[lanes];
        std::memcpy(in, x + i, part * sizeof(float));
        for (std::size_t half = 0; half < lanes; half += width) {
            const Doubles from = load_wide(in + half);
            const Doubles size = from < 0.0 ? -from : from;
            const Doubles result = log(size + 1.0) + (size - size);  // NaN of what is not finite
            store_as(out + half, from < 0.0 ? -result : result);
            store_as(derivative + half, 1.0 / (size + 1.0));
        }
        std::memcpy(value + i, out, part * sizeof(float));
        if (slope != nullptr) std::memcpy(slope + i, derivative, part * sizeof(float));
    });
}

template <class F, bool keep_slope>
void pair_layer_of(const PairLayer& of, Block<float> value, Block<float> slope) {
    std::size_t pair = 0;
    for (std::size_t i = 0; i < of.particles; ++i) {
        for (std::size_t j = 0; j < of.particles; ++j) {
            if (i == j) continue;
            const float* x = of.x + pair * of.quantities;
            for (std::size_t c = 0; c < of.columns; c += lanes) {
                Floats z = load(of.to.row(i) + c) + load(of.from.row(j) + c);
                for (std::size_t q = 0; q < of.quantities; ++q) {
                    z = fma(all(x[q]), load(of.weights + q * of.columns + c), z);
                }
                const Point point = F::at(z);
                store(value.row(pair) + c, point.value);
                if constexpr (keep_slope) store(slope.row(pair) + c, point.slope);
            }
            ++pair;
        }
    }
}

void pair_layer(const PairLayer& of,
                Activation activation,
                Block<float> value,
                Block<float> slope) {
    of_activation(activation, [&](auto f) {
        using F = decltype(f);
        if (slope) {
            pair_layer_of<F, true>(of, value, slope);
        } else {
            pair_layer_of<F, false>(of, value, slope);
        }
    });
}

void pair_layer_flow(const PairLayer& of, const PairLayerFlow& flow) {
    for (std::size_t c = 0; c < of.columns; c += lanes) {
        Floats by_weight[most_pair_quantities] = {};
        for (std::size_t i = 0; i < of.particles; ++i) store(flow.from.row(i) + c, Floats{});
        std::size_t pair = 0;
        for (std::size_t i = 0; i < of.particles; ++i) {
            Floats to = {};
            for (std::size_t j = 0; j < of.particles; ++j) {
                if (i == j) continue;
                float* at = flow.delta.row(pair) + c;
                const Floats value = load(at) * load(flow.slope.row(pair) + c);
                store(at, value);
                to += value;
                float* from = flow.from.row(j) + c;
                store(from, load(from) + value);
                for (std::size_t q = 0; q < of.quantities; ++q) {
                    by_weight[q] = fma(all(of.x[pair * of.quantities + q]), value, by_weight[q]);
                }
                ++pair;
            }
            store(flow.to.row(i) + c, to);
        }
        for (std::size_t q = 0; q < of.quantities; ++q) {
            float* sum = flow.weights + q * of.columns + c;
            store(sum, load(sum) + by_weight[q]);
        }
    }
    if (flow.x == nullptr || of.particles == 0) return;
    const std::size_t pairs = of.particles * (of.particles - 1);
    for (std::size_t pair = 0; pair < pairs; ++pair) {
        for (std::size_t q = 0; q < of.quantities; ++q) {
            flow.x[pair * of.quantities + q] =
                dot(of.columns, flow.delta.row(pair), of.weights + q * of.columns);
        }
    }
}

constexpr RowKernel kernel_of_rows{.product = product,
                                   .affine = affine,
                                   .layer = layer,
                                   .dots = dots,
                                   .row_dots = row_dots,
                                   .outer = outer,
                                   .weighted_sum = weighted_sum,
                                   .delta = delta,
                                   .scale = scale,
                                   .group_sums = group_sums,
                                   .spread = spread,
                                   .sigmoid = sigmoid,
                                   .psi = psi,
                                   .pair_layer = pair_layer,
                                   .pair_layer_flow = pair_layer_flow};

}  // namespace

namespace RATIOFARM_INSTRUCTIONS {

const RowKernel& row_kernel() { return kernel_of_rows; }

}  // namespace RATIOFARM_INSTRUCTIONS
}  // namespace ratiofarm::trainer
