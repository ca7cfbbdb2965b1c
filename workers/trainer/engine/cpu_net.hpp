#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

#include "ratiofarm/protocol/network.hpp"

#include "net_pack.hpp"
#include "step_kernel.hpp"

namespace ratiofarm::trainer {

/// Rows of operands begin at multiples of 64 bytes: 16 floats, 32 bf16.
template <class T>
std::size_t padded(std::size_t width) {
    constexpr std::size_t line = 64 / sizeof(T);
    return (width + line - 1) / line * line;
}

inline bool begins_a_line(const void* data) {
    return reinterpret_cast<std::uintptr_t>(data) % 64 == 0;
}

/// A matrix of zeros with padded rows of its own.
template <class T>
class Memory {
public:
    Memory() = default;
    Memory(std::size_t rows, std::size_t width)
        : owner_(allocate(rows * padded<T>(width))), block_{owner_.get(), padded<T>(width)} {}

    Block<T> block() const { return block_; }

private:
    struct Free {
        void operator()(T* data) const { std::free(data); }
    };
    static T* allocate(std::size_t size) {
        void* data = std::aligned_alloc(64, size * sizeof(T));
        if (data == nullptr) throw std::bad_alloc();
        std::memset(data, 0, size * sizeof(T));
        return static_cast<T*>(data);
    }

    std::unique_ptr<T[], Free> owner_;
    Block<T> block_;
};

/// One linear layer inside the row of a net.
struct LayerPlace {
    std::size_t inputs = 0;
    std::size_t outputs = 0;
    std::size_t weight = 0;  ///< offset in the trainable part
    std::size_t bias = 0;
    bool adds = false;  ///< to its input
};

/// What one net works on. T: element type of the operands of its products.
///
/// The bits of a product may depend on where its operands lie within a line of 64 bytes. Here that
/// is a property of the network: `Memory` and the rows of parameters and gradient begin a line,
/// and a matrix has its fixed offset in them.
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

    Block<const T> layer_inputs(std::size_t layer) const;
    Block<const T> weights(std::size_t layer) const;
    Block<T> delta_block(std::size_t layer) const;
    void take_inputs(Block<const float> inputs, std::size_t rows);
    void activate(std::size_t layer, std::size_t rows);
    void propagate(std::size_t layer, std::size_t rows);

    const StepKernel& kernel_ = step_kernel();
    const LayerKernel<T>& pass_ = layer_kernel();
    Activation activation_;
    bool trains_;
    std::vector<LayerPlace> layers_;
    float* parameters_;
    float* gradient_;

    Memory<T> inputs_;
    std::vector<Memory<T>> weights_;    ///< of hidden layers, rounded; empty in fp32
    std::vector<Memory<float>> slope_;  ///< before the activation, then its derivative there
    std::vector<Memory<T>> result_;     ///< of hidden layers
    Memory<float> flow_;                ///< gradient by a result
    Memory<T> delta_;                   ///< gradient by what goes into an activation

    const LayerKernel<T>& layer_kernel() const {
        if constexpr (rounds) {
            return kernel_.bf16;
        } else {
            return kernel_.fp32;
        }
    }
};

}  // namespace ratiofarm::trainer
