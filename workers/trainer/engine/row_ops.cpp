#include "row_ops.hpp"

#include <algorithm>

#include "ratiofarm/core/contracts.hpp"

#include "tensor_graph.hpp"

namespace ratiofarm::trainer {
namespace {

Block<const float> as_read(Block<float> block) { return {block.data, block.stride}; }

/// work(square, pair, i, j) for the ordered pairs i != j of each event, n: its particles; squares
/// are numbered as pairs are, with the diagonal.
template <class Work>
void for_pairs(const ParticleChunk& chunk, const Work& work) {
    std::size_t first = 0;
    std::size_t pair = 0;
    for (const std::size_t n : chunk.particles) {
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j < n; ++j) {
                if (i != j) work(first, n, i, j, pair++);
            }
        }
        first += n * n;
    }
}

/// Writes or adds numbers of a gradient.
void pass_on(std::size_t n, const float* from, float* to, bool add) {
    if (add) {
        for (std::size_t i = 0; i < n; ++i) to[i] += from[i];
    } else {
        std::copy_n(from, n, to);
    }
}

}  // namespace

void ActivateRows::forward(RowProgram& program) {
    const Block<float> x = program.value(inputs()[0]);
    const Block<float> value = program.value(output());
    const Extent extent{program.rows(output()), x.stride};
    zeros_ = zeros_.from(0).stride == x.stride ? std::move(zeros_) : RowMemory(x.stride);
    zeros_.ensure(1);
    const float* none = zeros_.from(0).data;
    const Block<float> slope = program.slope(output());
    const auto& pass = step_kernel().fp32;
    if (!slope) {
        pass.evaluate(activation_, extent, as_read(x), none, {}, value);
        return;
    }
    std::copy_n(x.data, extent.rows * x.stride, slope.data);
    pass.activate(activation_, extent, slope, none, {}, value);
}

void ActivateRows::backward(RowProgram& program) {
    const float* flow = program.flow(output()).data;
    const float* slope = program.slope(output()).data;
    float* to = program.flow(inputs()[0]).data;
    const std::size_t n = program.numbers(output());
    if (add(0)) {
        for (std::size_t i = 0; i < n; ++i) to[i] += flow[i] * slope[i];
    } else {
        for (std::size_t i = 0; i < n; ++i) to[i] = flow[i] * slope[i];
    }
}

void AddRows::forward(RowProgram& program) {
    const float* x = program.value(inputs()[0]).data;
    const float* y = program.value(inputs()[1]).data;
    float* to = program.value(output()).data;
    for (std::size_t i = 0; i < program.numbers(output()); ++i) to[i] = x[i] + y[i];
}

void AddRows::backward(RowProgram& program) {
    const float* flow = program.flow(output()).data;
    for (std::size_t input = 0; input < 2; ++input) {
        if (!program.at(inputs()[input]).trained) continue;
        pass_on(program.numbers(output()), flow, program.flow(inputs()[input]).data, add(input));
    }
}

void ConcatRows::forward(RowProgram& program) {
    const Block<float> to = program.value(output());
    const RowsOf rows = program.at(output()).rows;
    std::size_t column = 0;
    for (const std::size_t input : inputs()) {
        const Block<float> from = program.value(input);
        const std::size_t width = program.at(input).width;
        if (program.at(input).rows != rows) {
            for_pairs(program.chunk(), [&](std::size_t first, std::size_t n, std::size_t i,
                                           std::size_t j, std::size_t pair) {
                to.row(pair)[column] = from.data[first + i * n + j];
            });
        } else {
            for (std::size_t row = 0; row < program.rows(output()); ++row) {
                std::copy_n(from.row(row), width, to.row(row) + column);
            }
        }
        column += width;
    }
}

void ConcatRows::backward(RowProgram& program) {
    const Block<float> flow = program.flow(output());
    std::size_t column = 0;
    for (std::size_t k = 0; k < inputs().size(); ++k) {
        const std::size_t input = inputs()[k];
        const std::size_t first_column = column;
        column += program.at(input).width;
        if (!program.at(input).trained) continue;
        const Block<float> to = program.flow(input);
        if (!add(k)) std::fill_n(to.data, program.numbers(input), 0.0F);
        if (program.at(input).rows != program.at(output()).rows) {
            for_pairs(program.chunk(), [&](std::size_t first, std::size_t n, std::size_t i,
                                           std::size_t j, std::size_t pair) {
                to.data[first + i * n + j] += flow.row(pair)[first_column];
            });
            continue;
        }
        for (std::size_t row = 0; row < program.rows(output()); ++row) {
            pass_on(program.at(input).width, flow.row(row) + first_column, to.row(row), true);
        }
    }
}

void PsiRows::forward(RowProgram& program) {
    program.kernel().psi(program.numbers(output()), program.value(inputs()[0]).data,
                         program.value(output()).data, program.slope(output()).data);
}

void PsiRows::backward(RowProgram& program) {
    const float* flow = program.flow(output()).data;
    const float* slope = program.slope(output()).data;
    float* to = program.flow(inputs()[0]).data;
    for (std::size_t i = 0; i < program.numbers(output()); ++i) {
        to[i] = (add(0) ? to[i] : 0.0F) + flow[i] * slope[i];
    }
}

void GateRows::forward(RowProgram& program) {
    const std::size_t rows = program.rows(output());
    const Block<float> x = program.value(inputs()[0]);
    open_.ensure(rows);
    program.kernel().sigmoid(rows, program.value(inputs()[1]).data, open_.from(0).data);
    program.kernel().scale({rows, x.stride}, open_.from(0).data, as_read(x),
                           program.value(output()), false);
}

void GateRows::backward(RowProgram& program) {
    const std::size_t rows = program.rows(output());
    const Block<float> x = program.value(inputs()[0]);
    const Block<float> flow = program.flow(output());
    const float* open = open_.from(0).data;
    dots_.ensure(rows);
    float* dots = dots_.from(0).data;
    program.kernel().row_dots({rows, x.stride}, as_read(flow), as_read(x), dots);
    for (std::size_t row = 0; row < rows; ++row) dots[row] *= open[row] * (1.0F - open[row]);
    pass_on(rows, dots, program.flow(inputs()[1]).data, add(1));
    program.kernel().scale({rows, x.stride}, open, as_read(flow), program.flow(inputs()[0]),
                           add(0));
}

RowGroups PoolRows::groups(const RowProgram& program) const {
    const ParticleChunk& chunk = program.chunk();
    const bool partners = pool_ == Pool::mean_of_partners || pool_ == Pool::sum_of_partners;
    const std::vector<float>& factors = pool_ == Pool::mean               ? chunk.mean
                                        : pool_ == Pool::sum              ? chunk.sum
                                        : pool_ == Pool::mean_of_partners ? chunk.partner_mean
                                                                          : chunk.partner_sum;
    return {.groups = factors.size(),
            .sizes = (partners ? chunk.partners : chunk.particles).data(),
            .factors = factors.data(),
            .columns = program.at(output()).stride()};
}

void PoolRows::forward(RowProgram& program) {
    program.kernel().group_sums(groups(program), as_read(program.value(inputs()[0])),
                                program.value(output()));
}

void PoolRows::backward(RowProgram& program) {
    program.kernel().spread(groups(program), as_read(program.flow(output())),
                            program.flow(inputs()[0]), add(0));
}

void OwnRows::forward(RowProgram& program) {
    const float* g = program.value(inputs()[0]).data;
    float* to = program.value(output()).data;
    for (const std::size_t n : program.chunk().particles) {
        for (std::size_t i = 0; i < n; ++i) *to++ = g[i * n + i];
        g += n * n;
    }
}

void OwnRows::backward(RowProgram& program) {
    const float* flow = program.flow(output()).data;
    float* g = program.flow(inputs()[0]).data;
    if (!add(0)) std::fill_n(g, program.numbers(inputs()[0]), 0.0F);
    for (const std::size_t n : program.chunk().particles) {
        for (std::size_t i = 0; i < n; ++i) g[i * n + i] += *flow++;
        g += n * n;
    }
}

void DistanceRows::forward(RowProgram& program) {
    const float* all = program.value(inputs()[0]).data;
    float* to = program.value(output()).data;
    for_pairs(program.chunk(), [&](std::size_t first, std::size_t n, std::size_t i, std::size_t j,
                                   std::size_t pair) {
        const float* g = all + first;
        to[pair] = g[i * n + i] + g[j * n + j] - 2.0F * g[i * n + j];
    });
}

void DistanceRows::backward(RowProgram& program) {
    const float* flow = program.flow(output()).data;
    float* all = program.flow(inputs()[0]).data;
    if (!add(0)) std::fill_n(all, program.numbers(inputs()[0]), 0.0F);
    for_pairs(program.chunk(), [&](std::size_t first, std::size_t n, std::size_t i, std::size_t j,
                                   std::size_t pair) {
        float* g = all + first;
        g[i * n + i] += flow[pair];
        g[j * n + j] += flow[pair];
        g[i * n + j] -= 2.0F * flow[pair];
    });
}

struct MoveRows::Matrices {
    std::size_t n = 0;
    std::size_t stride = 0;
    float factor = 0.0F;  ///< of w in A
    Block<float> a{};
    Block<float> a_transposed{};
    Block<float> g{};
    Block<float> g_transposed{};
    Block<float> ag{};
    Block<float> flow{};  ///< gradient by the result
    Block<float> flow_ag{};
    Block<float> flow_a{};
    Block<float> result{};

    void multiply(const RowKernel& kernel,
                  Strided x,
                  Block<float> y,
                  Block<float> to,
                  bool add = false) const {
        kernel.product({.rows = n, .columns = stride, .inner = n, .a = x, .b = as_read(y)}, to,
                       add);
    }
    Strided plain(Block<float> x) const { return {x.data, stride, 1}; }
    Strided transposed(Block<float> x) const { return {x.data, 1, stride}; }
};

/// A, G and A G of an event with n particles. \param g  [n, n] \param w  [n (n - 1)]
MoveRows::Matrices MoveRows::matrices_of(const RowProgram& program,
                                         std::size_t n,
                                         const float* g,
                                         const float* w) {
    Matrices all{.n = n, .stride = whole_vectors(n)};
    memory_.ensure(9 * n * all.stride);
    float* next = memory_.from(0).data;
    for (Block<float>* block : {&all.a, &all.a_transposed, &all.g, &all.g_transposed, &all.ag,
                                &all.flow, &all.flow_ag, &all.flow_a, &all.result}) {
        *block = {next, all.stride};
        next += n * all.stride;
    }
    all.factor =
        static_cast<float>(step_of_momenta) / static_cast<float>(std::max(n, std::size_t{2}) - 1);
    for (std::size_t i = 0; i < n; ++i) {
        float sum = 0.0F;
        for (std::size_t j = 0; j < n; ++j) {
            all.g.row(i)[j] = all.g_transposed.row(j)[i] = g[i * n + j];
            if (i == j) continue;
            const float step = all.factor * *w++;
            all.a.row(i)[j] = all.a_transposed.row(j)[i] = -step;
            sum += step;
        }
        all.a.row(i)[i] = all.a_transposed.row(i)[i] = 1.0F + sum;
    }
    all.multiply(program.kernel(), all.plain(all.a), all.g, all.ag);
    return all;
}

void MoveRows::forward(RowProgram& program) {
    const float* g = program.value(inputs()[0]).data;
    const float* w = program.value(inputs()[1]).data;
    float* to = program.value(output()).data;
    for (const std::size_t n : program.chunk().particles) {
        if (n == 0) continue;
        const Matrices all = matrices_of(program, n, g, w);
        all.multiply(program.kernel(), all.plain(all.ag), all.a_transposed, all.result);
        for (std::size_t i = 0; i < n; ++i) std::copy_n(all.result.row(i), n, to + i * n);
        g += n * n;
        w += n * (n - 1);
        to += n * n;
    }
}

void MoveRows::backward(RowProgram& program) {
    const float* g = program.value(inputs()[0]).data;
    const float* w = program.value(inputs()[1]).data;
    const float* flow = program.flow(output()).data;
    const bool to_g = program.at(inputs()[0]).trained;
    float* g_flow = to_g ? program.flow(inputs()[0]).data : nullptr;
    float* w_flow = program.flow(inputs()[1]).data;
    RATIOFARM_EXPECT(!add(1));
    const RowKernel& kernel = program.kernel();
    for (const std::size_t n : program.chunk().particles) {
        if (n == 0) continue;
        const Matrices all = matrices_of(program, n, g, w);
        for (std::size_t i = 0; i < n; ++i) std::copy_n(flow + i * n, n, all.flow.row(i));
        all.multiply(kernel, all.plain(all.flow), all.a, all.flow_ag);
        all.multiply(kernel, all.transposed(all.flow), all.ag, all.flow_a);
        all.multiply(kernel, all.plain(all.flow_ag), all.g_transposed, all.flow_a, true);
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j < n; ++j) {
                if (i == j) continue;
                *w_flow++ = all.factor * (all.flow_a.row(i)[i] - all.flow_a.row(i)[j]);
            }
        }
        if (to_g) {
            all.multiply(kernel, all.transposed(all.a), all.flow_ag, all.result);
            for (std::size_t i = 0; i < n; ++i) {
                pass_on(n, all.result.row(i), g_flow + i * n, add(0));
            }
            g_flow += n * n;
        }
        g += n * n;
        w += n * (n - 1);
        flow += n * n;
    }
}

}  // namespace ratiofarm::trainer
