#include "row_layers.hpp"

#include <algorithm>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm::trainer {
namespace {

Block<const float> to_read(Block<float> block) { return {block.data, block.stride}; }

RowMemory rows_of_zeros(std::size_t rows, std::size_t width) {
    RowMemory memory(whole_vectors(width));
    memory.ensure(std::max<std::size_t>(rows, 1));
    return memory;
}

void clear_rows(const RowMemory& memory, std::size_t rows) {
    const Block<float> all = memory.from(0);
    std::fill_n(all.data, rows * all.stride, 0.0F);
}

}  // namespace

PackedWeight::PackedWeight(std::size_t place,
                           std::size_t outputs,
                           std::size_t inputs,
                           std::size_t stride)
    : place_(place),
      outputs_(outputs),
      inputs_(inputs),
      stride_(stride),
      down_(rows_of_zeros(inputs, outputs)),
      across_(rows_of_zeros(outputs, inputs)),
      gradient_(rows_of_zeros(outputs, inputs)) {}

void PackedWeight::take(const float* parameters) {
    const Block<float> down = down_.from(0);
    const Block<float> across = across_.from(0);
    for (std::size_t o = 0; o < outputs_; ++o) {
        const float* from = parameters + place_ + o * stride_;
        std::copy_n(from, inputs_, across.row(o));
        for (std::size_t i = 0; i < inputs_; ++i) down.row(i)[o] = from[i];
    }
}

void PackedWeight::clear() { clear_rows(gradient_, outputs_); }

void PackedWeight::give(float* gradient) const {
    for (std::size_t o = 0; o < outputs_; ++o) {
        std::copy_n(gradient_.from(o).data, inputs_, gradient + place_ + o * stride_);
    }
}

RowProduct PackedWeight::of(std::size_t rows, Block<const float> x) const {
    return {.rows = rows,
            .columns = whole_vectors(outputs_),
            .inner = inputs_,
            .a = {x.data, x.stride, 1},
            .b = to_read(down_.from(0))};
}

void PackedWeight::flow(const RowKernel& kernel,
                        std::size_t rows,
                        Block<float> delta,
                        Block<float> to,
                        bool add) const {
    kernel.product({.rows = rows,
                    .columns = whole_vectors(inputs_),
                    .inner = outputs_,
                    .a = {delta.data, delta.stride, 1},
                    .b = to_read(across_.from(0))},
                   to, add);
}

void PackedWeight::learn(const RowKernel& kernel,
                         std::size_t rows,
                         Block<float> delta,
                         Block<float> x) {
    kernel.product({.rows = outputs_,
                    .columns = whole_vectors(inputs_),
                    .inner = rows,
                    .a = {delta.data, 1, delta.stride},
                    .b = to_read(x)},
                   gradient_.from(0), true);
}

PackedBias::PackedBias(std::size_t place, std::size_t outputs)
    : place_(place),
      outputs_(outputs),
      values_(rows_of_zeros(1, outputs)),
      gradient_(rows_of_zeros(1, outputs)) {}

void PackedBias::take(const float* parameters) {
    std::copy_n(parameters + place_, outputs_, values_.from(0).data);
}

void PackedBias::clear() { clear_rows(gradient_, 1); }

void PackedBias::give(float* gradient) const {
    std::copy_n(this->gradient(), outputs_, gradient + place_);
}

LinearRows::LinearRows(std::vector<std::size_t> inputs,
                       std::size_t output,
                       std::size_t weight,
                       std::size_t bias,
                       const RowValue& from,
                       const RowValue& to)
    : RowOp(std::move(inputs), output),
      weight_(weight, to.width, from.width, from.width),
      bias_(bias, to.width) {
    RATIOFARM_EXPECT(!from.thin && !to.thin);
}

bool LinearRows::activate(Activation activation) {
    activation_ = activation;
    return true;
}

void LinearRows::forward(RowProgram& program) {
    const RowProduct product =
        weight_.of(program.rows(output()), to_read(program.value(inputs()[0])));
    if (activation_) {
        program.kernel().layer(product, bias_.values(), *activation_, program.value(output()),
                               program.slope(output()));
    } else {
        program.kernel().affine(product, bias_.values(), program.value(output()));
    }
}

void LinearRows::backward(RowProgram& program) {
    const std::size_t rows = program.rows(output());
    const Block<float> delta = program.flow(output());
    const Block<float> slope = activation_ ? program.slope(output()) : Block<float>{};
    program.kernel().delta({rows, program.at(output()).stride()}, delta, to_read(slope),
                           bias_.gradient());
    weight_.learn(program.kernel(), rows, delta, program.value(inputs()[0]));
    if (!program.at(inputs()[0]).trained) return;
    weight_.flow(program.kernel(), rows, delta, program.flow(inputs()[0]), add(0));
}

void LinearRows::take_weights(const float* parameters) {
    weight_.take(parameters);
    bias_.take(parameters);
}
void LinearRows::clear_gradient() {
    weight_.clear();
    bias_.clear();
}
void LinearRows::give_gradient(float* gradient) const {
    weight_.give(gradient);
    bias_.give(gradient);
}

ThinLinear::ThinLinear(std::vector<std::size_t> inputs,
                       std::size_t output,
                       std::size_t weight,
                       std::size_t bias,
                       std::size_t width)
    : RowOp(std::move(inputs), output), weight_(weight, width), bias_(bias) {}

void ThinLinear::forward(RowProgram& program) {
    const Block<float> x = program.value(inputs()[0]);
    program.kernel().dots({program.rows(output()), x.stride}, to_read(x), weight_.values(),
                          bias_value_, program.value(output()).data);
}

void ThinLinear::backward(RowProgram& program) {
    const Block<float> x = program.value(inputs()[0]);
    const Extent extent{program.rows(output()), x.stride};
    const float* delta = program.flow(output()).data;
    for (std::size_t row = 0; row < extent.rows; ++row) bias_gradient_ += delta[row];
    program.kernel().weighted_sum(extent, delta, to_read(x), weight_.gradient());
    if (!program.at(inputs()[0]).trained) return;
    program.kernel().outer(extent, delta, weight_.values(), program.flow(inputs()[0]), add(0));
}

void ThinLinear::take_weights(const float* parameters) {
    weight_.take(parameters);
    bias_value_ = parameters[bias_];
}
void ThinLinear::clear_gradient() {
    weight_.clear();
    bias_gradient_ = 0.0F;
}
void ThinLinear::give_gradient(float* gradient) const {
    weight_.give(gradient);
    gradient[bias_] = bias_gradient_;
}

PairLayerRows::PairLayerRows(std::vector<std::size_t> inputs,
                             std::size_t output,
                             std::size_t weight,
                             std::size_t bias,
                             const RowValue& h,
                             const RowValue& x,
                             std::size_t outputs)
    : RowOp(std::move(inputs), output),
      to_weight_(weight, outputs, h.width, 2 * h.width + x.width),
      from_weight_(weight + h.width, outputs, h.width, 2 * h.width + x.width),
      bias_(bias, outputs),
      outputs_(outputs),
      quantities_(x.width),
      place_(weight + 2 * h.width),
      stride_(2 * h.width + x.width),
      x_weight_(rows_of_zeros(x.width, outputs)),
      x_gradient_(rows_of_zeros(x.width, outputs)),
      to_(whole_vectors(outputs)),
      from_(whole_vectors(outputs)) {
    RATIOFARM_EXPECT(x.thin && x.width <= most_pair_quantities && !h.thin);
}

bool PairLayerRows::activate(Activation activation) {
    activation_ = activation;
    return true;
}

PairLayer PairLayerRows::layer_of(std::size_t particles,
                                  Block<float> to,
                                  Block<float> from,
                                  const float* x) {
    return {.particles = particles,
            .columns = whole_vectors(outputs_),
            .quantities = quantities_,
            .to = to_read(to),
            .from = to_read(from),
            .x = x,
            .weights = x_weight_.from(0).data};
}

/// work(particles, row of the first particle, row of the first pair)
template <class Work>
void PairLayerRows::for_events(const RowProgram& program, const Work& work) {
    std::size_t row = 0;
    std::size_t pair = 0;
    for (const std::size_t n : program.chunk().particles) {
        if (n == 0) continue;
        work(n, row, pair);
        row += n;
        pair += n * (n - 1);
    }
}

void PairLayerRows::forward(RowProgram& program) {
    const std::size_t rows = program.rows(inputs()[0]);
    const Block<const float> h = to_read(program.value(inputs()[0]));
    to_.ensure(rows);
    from_.ensure(rows);
    program.kernel().affine(to_weight_.of(rows, h), bias_.values(), to_.from(0));
    program.kernel().product(from_weight_.of(rows, h), from_.from(0), false);
    const Block<float> value = program.value(output());
    const Block<float> slope = program.slope(output());
    const float* x = program.value(inputs()[1]).data;
    for_events(program, [&](std::size_t n, std::size_t row, std::size_t pair) {
        program.kernel().pair_layer(
            layer_of(n, to_.from(row), from_.from(row), x + pair * quantities_), activation_,
            {value.row(pair), value.stride}, {slope ? slope.row(pair) : nullptr, slope.stride});
    });
}

void PairLayerRows::backward(RowProgram& program) {
    const std::size_t rows = program.rows(inputs()[0]);
    const Block<float> h = program.value(inputs()[0]);
    const Block<float> delta = program.flow(output());
    const Block<float> slope = program.slope(output());
    const float* x = program.value(inputs()[1]).data;
    const bool to_x = program.at(inputs()[1]).trained;
    RATIOFARM_EXPECT(!to_x || !add(1));
    float* x_flow = to_x ? program.flow(inputs()[1]).data : nullptr;
    // The memories of forward() take the gradients by what was in them.
    for_events(program, [&](std::size_t n, std::size_t row, std::size_t pair) {
        const PairLayerFlow flow{.delta = {delta.row(pair), delta.stride},
                                 .slope = {slope.row(pair), slope.stride},
                                 .to = to_.from(row),
                                 .from = from_.from(row),
                                 .weights = x_gradient_.from(0).data,
                                 .x = to_x ? x_flow + pair * quantities_ : nullptr};
        program.kernel().pair_layer_flow(
            layer_of(n, to_.from(row), from_.from(row), x + pair * quantities_), flow);
    });
    program.kernel().delta({rows, to_.from(0).stride}, to_.from(0), {}, bias_.gradient());
    to_weight_.learn(program.kernel(), rows, to_.from(0), h);
    from_weight_.learn(program.kernel(), rows, from_.from(0), h);
    if (!program.at(inputs()[0]).trained) return;
    to_weight_.flow(program.kernel(), rows, to_.from(0), program.flow(inputs()[0]), add(0));
    from_weight_.flow(program.kernel(), rows, from_.from(0), program.flow(inputs()[0]), true);
}

void PairLayerRows::take_weights(const float* parameters) {
    to_weight_.take(parameters);
    from_weight_.take(parameters);
    bias_.take(parameters);
    for (std::size_t q = 0; q < quantities_; ++q) {
        for (std::size_t o = 0; o < outputs_; ++o) {
            x_weight_.from(q).data[o] = parameters[place_ + o * stride_ + q];
        }
    }
}
void PairLayerRows::clear_gradient() {
    to_weight_.clear();
    from_weight_.clear();
    bias_.clear();
    clear_rows(x_gradient_, quantities_);
}
void PairLayerRows::give_gradient(float* gradient) const {
    to_weight_.give(gradient);
    from_weight_.give(gradient);
    bias_.give(gradient);
    for (std::size_t q = 0; q < quantities_; ++q) {
        for (std::size_t o = 0; o < outputs_; ++o) {
            gradient[place_ + o * stride_ + q] = x_gradient_.from(q).data[o];
        }
    }
}

}  // namespace ratiofarm::trainer
