// Oracle: LibTorch's operations; and every instruction set against the portable one, bit by bit.

#include <array>

#include <ATen/ATen.h>

#include "ratiofarm_test/catch.hpp"

#include "workers/trainer/engine/row_kernel.hpp"
#include "workers/trainer/engine/step_kernel.hpp"

namespace ratiofarm::trainer {
namespace {

constexpr std::int64_t rows = 5;
constexpr std::int64_t width = 83;  ///< a step of four vectors, one vector, and three columns
constexpr Extent extent{rows, width};

at::Tensor drawn(std::uint64_t seed, std::vector<std::int64_t> shape) {
    auto generator = at::detail::createCPUGenerator(seed);
    return at::randn(shape, generator, at::TensorOptions(at::kFloat)) * 3;
}

template <class T>
T* data(const at::Tensor& tensor) {
    return static_cast<T*>(tensor.mutable_data_ptr());
}
template <class T>
Block<T> block(const at::Tensor& tensor) {
    return {data<T>(tensor), static_cast<std::size_t>(tensor.stride(0))};
}
template <class T>
Block<const T> reading(const at::Tensor& tensor) {
    return {data<T>(tensor), static_cast<std::size_t>(tensor.stride(0))};
}

/// Outcome of every pass on the same data.
template <class T>
std::vector<at::Tensor> passes(const LayerKernel<T>& kernel) {
    const auto type = sizeof(T) == 2 ? at::kBFloat16 : at::kFloat;
    const at::Tensor bias = drawn(2, {width});
    const at::Tensor below = drawn(3, {rows, width}).to(type);
    const at::Tensor events = drawn(4, {rows});
    std::vector<at::Tensor> all;
    for (const auto activation : {Activation::relu, Activation::silu, Activation::tanh}) {
        const at::Tensor z = drawn(1, {rows, width});
        const at::Tensor result = at::zeros({rows, width}, type);
        const at::Tensor delta = at::zeros({rows, width}, type);
        const at::Tensor sums = at::zeros({width});
        kernel.evaluate(activation, extent, reading<float>(z), data<float>(bias), reading<T>(below),
                        block<T>(result));
        all.push_back(result.clone());
        kernel.activate(activation, extent, block<float>(z), data<float>(bias), {},
                        block<T>(result));
        kernel.delta(extent, reading<float>(drawn(5, {rows, width})), reading<float>(z),
                     block<T>(delta), data<float>(sums));
        all.insert(all.end(), {z, result, delta, sums});
    }
    const at::Tensor logits = at::zeros({rows});
    const at::Tensor gradient = at::zeros({width});
    const at::Tensor flow = at::zeros({rows, width});
    kernel.logits(extent, reading<T>(below), data<float>(bias), 0.5F, data<float>(logits));
    kernel.output_gradient(extent, reading<T>(below), data<float>(events), data<float>(gradient));
    kernel.output_flow(extent, data<float>(events), data<float>(bias), block<float>(flow));
    all.insert(all.end(), {logits, gradient, flow});
    return all;
}

std::vector<at::Tensor> adam(const StepKernel& kernel) {
    const at::Tensor parameters = drawn(6, {width});
    const at::Tensor first = drawn(7, {width});
    const at::Tensor second = drawn(8, {width}).abs();
    const at::Tensor gradient = drawn(9, {width});
    kernel.adam({.gradient_factor = 0.7F,
                 .decay = 0.99F,
                 .second_correction = 1.3F,
                 .gradient_rate = 0.01F,
                 .moment_rate = 0.02F,
                 .parameters = data<float>(parameters),
                 .first_moment = data<float>(first),
                 .second_moment = data<float>(second),
                 .gradient = data<float>(gradient)},
                width);
    return {parameters, first, second};
}

void check_equal(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
    REQUIRE(a.size() == b.size());
    for (std::size_t k = 0; k < a.size(); ++k) {
        INFO("outcome " << k);
        CHECK(at::equal(a[k], b[k]));
    }
}

/// Outcome of every pass over rows of particles and pairs on the same data.
std::vector<at::Tensor> row_passes(const RowKernel& kernel) {
    constexpr std::int64_t columns = 48;
    constexpr std::int64_t pairs = 20;  // of five particles
    const Extent all{rows, columns};
    const at::Tensor x = drawn(1, {rows, columns});
    const at::Tensor other = drawn(2, {rows, columns});
    const at::Tensor weight = drawn(3, {columns, columns});
    const at::Tensor bias = drawn(4, {columns});
    const at::Tensor factors = drawn(5, {rows});
    std::vector<at::Tensor> made;
    const auto result = [&made](std::vector<std::int64_t> shape) {
        made.push_back(at::ones(shape));
        return made.back();
    };
    const RowProduct product{.rows = rows,
                             .columns = columns,
                             .inner = columns,
                             .a = {data<float>(x), columns, 1},
                             .b = reading<float>(weight)};
    for (const bool add : {false, true}) {
        kernel.product(product, block<float>(result({rows, columns})), add);
        kernel.outer(all, data<float>(factors), data<float>(bias),
                     block<float>(result({rows, columns})), add);
        kernel.scale(all, data<float>(factors), reading<float>(x),
                     block<float>(result({rows, columns})), add);
    }
    kernel.affine(product, data<float>(bias), block<float>(result({rows, columns})));
    kernel.dots(all, reading<float>(x), data<float>(bias), 0.5F, data<float>(result({rows})));
    kernel.row_dots(all, reading<float>(x), reading<float>(other), data<float>(result({rows})));
    kernel.weighted_sum(all, data<float>(factors), reading<float>(x),
                        data<float>(result({columns})));
    kernel.delta(all, block<float>(result({rows, columns})), reading<float>(x),
                 data<float>(result({columns})));
    kernel.sigmoid(rows * columns - 1, data<float>(x), data<float>(result({rows, columns})));
    kernel.psi(rows * columns - 1, data<float>(x), data<float>(result({rows, columns})),
               data<float>(result({rows, columns})));
    const std::array<std::uint32_t, 3> sizes{2, 0, 3};
    const RowGroups groups{3, sizes.data(), data<float>(factors), columns};
    kernel.group_sums(groups, reading<float>(x), block<float>(result({3, columns})));
    kernel.spread(groups, reading<float>(other), block<float>(result({rows, columns})), true);
    const at::Tensor quantities = drawn(6, {pairs, 2});
    const PairLayer pair_layer{.particles = rows,
                               .columns = columns,
                               .quantities = 2,
                               .to = reading<float>(x),
                               .from = reading<float>(other),
                               .x = data<float>(quantities),
                               .weights = data<float>(weight)};
    for (const auto activation : {Activation::relu, Activation::silu, Activation::tanh}) {
        kernel.layer(product, data<float>(bias), activation, block<float>(result({rows, columns})),
                     block<float>(result({rows, columns})));
        const at::Tensor slope = result({pairs, columns});
        kernel.pair_layer(pair_layer, activation, block<float>(result({pairs, columns})),
                          block<float>(slope));
        const at::Tensor flow = result({pairs, columns});
        flow.copy_(drawn(7, {pairs, columns}));
        kernel.pair_layer_flow(pair_layer, {.delta = block<float>(flow),
                                            .slope = reading<float>(slope),
                                            .to = block<float>(result({rows, columns})),
                                            .from = block<float>(result({rows, columns})),
                                            .weights = data<float>(result({2, columns})),
                                            .x = data<float>(result({pairs, 2}))});
    }
    return made;
}

TEST_CASE("the bits of rows do not depend on the instruction set", "[trainer]") {
    const auto oracle = row_passes(portable::row_kernel());
    check_equal(row_passes(row_kernel()), oracle);
#if defined(__x86_64__)
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return;
    check_equal(row_passes(avx2::row_kernel()), oracle);
#endif
}

TEST_CASE("the bits of a pass do not depend on the instruction set", "[trainer]") {
    const StepKernel& oracle = portable::step_kernel();
    const StepKernel& chosen = step_kernel();
    check_equal(passes(chosen.fp32), passes(oracle.fp32));
    check_equal(passes(chosen.bf16), passes(oracle.bf16));
    check_equal(adam(chosen), adam(oracle));
#if defined(__x86_64__)
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return;
    check_equal(passes(avx2::step_kernel().fp32), passes(oracle.fp32));
    check_equal(passes(avx2::step_kernel().bf16), passes(oracle.bf16));
    check_equal(adam(avx2::step_kernel()), adam(oracle));
#endif
}

at::Tensor library_activation(Activation activation, const at::Tensor& x) {
    switch (activation) {
        case Activation::relu: return at::relu(x);
        case Activation::silu: return at::silu(x);
        case Activation::tanh: return at::tanh(x);
        case Activation::gelu: return at::gelu(x);
    }
    return x;
}

TEST_CASE("an activation is LibTorch's over the whole range of floats", "[trainer]") {
    const auto activation = GENERATE(Activation::relu, Activation::silu, Activation::tanh);
    const at::Tensor x = at::cat({at::linspace(-200, 200, 20001), at::linspace(-1e-3, 1e-3, 101),
                                  at::full({1}, 1e30), at::full({1}, -1e30)})
                             .unsqueeze(0);
    const auto n = static_cast<std::size_t>(x.size(1));
    const at::Tensor slope = x.clone();
    const at::Tensor value = at::empty_like(x);
    const at::Tensor zero = at::zeros({x.size(1)});
    const at::Tensor point = x.to(at::kDouble).requires_grad_(true);
    const at::Tensor expected = library_activation(activation, point);
    expected.sum().backward();

    step_kernel().fp32.activate(activation, {1, n}, block<float>(slope), data<float>(zero), {},
                                block<float>(value));

    const at::Tensor tolerance = 2e-7 + 4e-7 * expected.abs();
    CHECK(((value - expected).abs() <= tolerance).all().item<bool>());
    CHECK((slope - point.grad()).abs().max().item<double>() < 2e-6);
}

TEST_CASE("a value that is not a number stays one", "[trainer]") {
    const auto activation = GENERATE(Activation::relu, Activation::silu, Activation::tanh);
    const at::Tensor x = at::full({1, 20}, std::numeric_limits<float>::quiet_NaN());
    const at::Tensor fp32 = at::zeros({1, 20});
    const at::Tensor bf16 = at::zeros({1, 20}, at::kBFloat16);
    const at::Tensor zero = at::zeros({20});

    step_kernel().fp32.evaluate(activation, {1, 20}, reading<float>(x), data<float>(zero), {},
                                block<float>(fp32));
    step_kernel().bf16.evaluate(activation, {1, 20}, reading<float>(x), data<float>(zero), {},
                                block<Bf16>(bf16));

    CHECK(fp32.isnan().all().item<bool>());
    CHECK(bf16.isnan().all().item<bool>());
}

TEST_CASE("rounding to bf16 is LibTorch's", "[trainer]") {
    const at::Tensor x = drawn(1, {rows, width});
    const at::Tensor rounded = at::zeros({rows, width}, at::kBFloat16);

    step_kernel().bf16.convert(extent, reading<float>(x), block<Bf16>(rounded));

    CHECK(at::equal(rounded, x.to(at::kBFloat16)));
}

}  // namespace
}  // namespace ratiofarm::trainer
