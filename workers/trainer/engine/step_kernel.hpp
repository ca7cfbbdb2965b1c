#pragma once

#include <cstddef>
#include <cstdint>

#include "ratiofarm/protocol/network.hpp"

namespace ratiofarm::trainer {

/// The upper half of a float.
using Bf16 = std::uint16_t;

/// A part of a matrix of rows of events: [rows, width], rows `stride` elements apart.
template <class T>
struct Block {
    T* data = nullptr;
    std::size_t stride = 0;

    T* row(std::size_t index) const { return data + index * stride; }
    explicit operator bool() const { return data != nullptr; }
};

struct Extent {
    std::size_t rows = 0;
    std::size_t width = 0;
};

/// The numbers of one optimizer step of one net, and what it moves.
struct AdamStep {
    float gradient_factor = 1.0F;    ///< of clipping
    float decay = 1.0F;              ///< parameters are multiplied by it first
    float second_correction = 1.0F;  ///< 1 / sqrt(1 - beta2^step)
    float gradient_rate = 0.0F;      ///< of g / d, with d = sqrt(v) second_correction + epsilon
    float moment_rate = 0.0F;        ///< of m / d
    float* parameters = nullptr;
    float* first_moment = nullptr;
    float* second_moment = nullptr;
    const float* gradient = nullptr;
};

inline constexpr double adam_beta1 = 0.9;
inline constexpr double adam_beta2 = 0.999;
inline constexpr double adam_epsilon = 1e-8;

/// Everything of a training step on a CPU that is no matrix product. Each pass reads and writes its
/// data once. Outcome is float, or bf16 where it is an operand of the next product; sums are float,
/// over events one after the other: they do not depend on how the work was divided, nor do any bits
/// on the instruction set.
template <class T>
struct LayerKernel {
    /// a = f(z + bias), result = a or below + a; z becomes f'(z + bias).
    void (*activate)(Activation,
                     Extent,
                     Block<float> z,
                     const float* bias,
                     Block<const T> below,
                     Block<T> result);

    /// Like activate(), but z is not changed.
    void (*evaluate)(Activation,
                     Extent,
                     Block<const float> z,
                     const float* bias,
                     Block<const T> below,
                     Block<T> result);

    /// logits[row] = x[row] weights + bias
    void (*logits)(Extent, Block<const T> x, const float* weights, float bias, float* logits);

    /// delta = flow * derivative; bias_gradient[column] += its sum over the rows. derivative and
    /// delta may be the same memory.
    void (*delta)(Extent,
                  Block<const float> flow,
                  Block<const float> derivative,
                  Block<T> delta,
                  float* bias_gradient);

    /// weight_gradient[column] += sum over rows of logit_gradient[row] x[row, column]
    void (*output_gradient)(Extent,
                            Block<const T> x,
                            const float* logit_gradient,
                            float* weight_gradient);

    /// flow[row, column] = logit_gradient[row] weights[column]
    void (*output_flow)(Extent,
                        const float* logit_gradient,
                        const float* weights,
                        Block<float> flow);

    /// T(from)
    void (*convert)(Extent, Block<const float> from, Block<T> to);
};

/// Rows of a table, scaled: result[place, c] = (table[rows[place], c] - shift[c]) scale[c].
struct RowGather {
    const float* table = nullptr;
    std::size_t width = 0;                ///< of the table and of the result
    const std::uint64_t* rows = nullptr;  ///< [count]; null: the first ones
    std::size_t count = 0;
    const float* shift = nullptr;
    const float* scale = nullptr;
    float* result = nullptr;
};

/// Events of CrossEntropy; weights `stride` elements from event to event.
struct EntropyEvents {
    std::size_t count = 0;
    const float* logits = nullptr;
    const float* positive = nullptr;
    const float* total = nullptr;
    std::size_t stride = 1;
};

struct StepKernel {
    LayerKernel<float> fp32;
    LayerKernel<Bf16> bf16;

    /// to[row / 2, column] = the elements of two rows, as 32 bits; after an odd last row zeros.
    void (*pair_rows)(Extent, Block<const Bf16> from, Block<float> to);

    void (*gather)(const RowGather&);

    /// sum of total softplus(z) - positive z
    double (*entropy)(const EntropyEvents&);

    /// (total sigmoid(z) - positive) factor
    void (*entropy_gradient)(const EntropyEvents&, float factor, float* gradient);

    void (*adam)(const AdamStep&, std::size_t n);
};

/// For the instruction set of this machine.
const StepKernel& step_kernel();

namespace portable {
const StepKernel& step_kernel();
}
namespace avx2 {
const StepKernel& step_kernel();
}
namespace avx512 {
const StepKernel& step_kernel();
}

}  // namespace ratiofarm::trainer
