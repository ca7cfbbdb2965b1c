#pragma once

#include <cstddef>
#include <type_traits>
#include <vector>

#include "ratiofarm/protocol/network.hpp"

#include "cpu_product.hpp"
#include "line_memory.hpp"
#include "net_pack.hpp"
#include "step_kernel.hpp"

namespace ratiofarm::trainer {

/// One linear layer inside the row of a net.
struct LayerPlace {
    std::size_t inputs = 0;
    std::size_t outputs = 0;
    std::size_t weight = 0;  ///< offset in the trainable part
    std::size_t bias = 0;
    bool adds = false;  ///< to its input
};

/// Events of a pass that are worked on together.
struct Rows {
    std::size_t begin = 0;
    std::size_t end = 0;

    std::size_t size() const { return end - begin; }
};

/// What one net works on. T: element type of the operands of its products.
///
/// Where kernels of our own multiply, a block of rows goes through all layers while what it needs
/// is in the cache. Sums over rows run from row to row, so that the bits do not depend on the
/// blocks.
///
/// The bits of a product may depend on where its operands lie within a line of 64 bytes. Here that
/// is a property of the network: `Memory` and the rows of parameters and gradient begin a line, and
/// a matrix has its fixed offset in them.
template <class T>
class CpuNet {
public:
    /// \param parameters, gradient  [trainable_size], of the caller, at the beginning of a line; no
    ///                              gradient to evaluate only
    CpuNet(const Network& network, const PackOptions& options, float* parameters, float* gradient);

    void parameters_changed();

    /// \param inputs  [rows, network.inputs], scaled
    /// \param logits  [rows], written
    void forward(Block<const float> inputs, std::size_t rows, float* logits);

    /// After forward() of as many rows; fills the gradient.
    void backward(std::size_t rows, const float* logit_gradient);

private:
    static constexpr bool rounds = std::is_same_v<T, Bf16>;

    /// bf16 by kernels of our own.
    static bool by_pairs() { return rounds && multiplies_pairs(); }

    Block<const T> layer_inputs(std::size_t layer) const;
    Block<const T> weights(std::size_t layer) const;
    Block<T> delta_block(std::size_t layer) const;
    void take_inputs(Block<const float> inputs, Rows rows);
    void multiply(std::size_t layer, Rows rows);
    void activate(std::size_t layer, Rows rows);
    void forward_rows(Block<const float> inputs, Rows rows, float* logits);
    void backward_rows(Rows rows, const float* logit_gradient);
    void propagate(std::size_t layer, Rows rows);
    void propagate_pairs(std::size_t layer, Rows rows);

    const StepKernel& kernel_ = step_kernel();
    const LayerKernel<T>& pass_ = layer_kernel();
    Activation activation_;
    bool trains_;
    std::vector<LayerPlace> layers_;
    float* parameters_;
    float* gradient_;
    std::size_t row_block_;  ///< rows whose values in all layers stay in the cache

    Memory<T> inputs_;
    std::vector<Memory<T>> weights_;    ///< of hidden layers, rounded; empty in fp32
    std::vector<PackedMatrix> ahead_;   ///< of hidden layers, transposed
    std::vector<Memory<float>> back_;   ///< of hidden layers, rows in pairs; only of pairs
    std::vector<Memory<float>> slope_;  ///< before the activation, then its derivative there
    std::vector<Memory<T>> result_;     ///< of hidden layers
    Memory<float> flow_;                ///< gradient by a result
    Memory<T> delta_;                   ///< gradient by what goes into an activation
    Memory<float> delta_pairs_;         ///< its rows in pairs
    Memory<float> input_pairs_;         ///< rows of what a layer sees, in pairs

    const LayerKernel<T>& layer_kernel() const {
        if constexpr (rounds) {
            return kernel_.bf16;
        } else {
            return kernel_.fp32;
        }
    }
};

}  // namespace ratiofarm::trainer
