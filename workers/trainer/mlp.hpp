#pragma once

#include <cstdint>
#include <memory>

#include "ratiofarm/core/network.hpp"

namespace at {
class Tensor;
}
namespace c10 {
struct TensorOptions;
}

namespace ratiofarm {

enum class MlpUse : std::uint8_t {
    evaluate,  ///< forward only: two buffers whatever the depth
    train,     ///< keeps what the backward pass needs
};

/// Forward and backward pass of a multilayer perceptron, written out over one flat parameter
/// buffer and buffers made once: no autograd, no allocation of data per step. Results of a pass
/// are views of these buffers, valid until the next pass.
class Mlp {
public:
    /// \param capacity  largest number of events of one pass
    /// \param options   device and element type (float, or double in tests)
    Mlp(const Network& network,
        std::int64_t capacity,
        MlpUse use,
        const c10::TensorOptions& options);
    ~Mlp();

    /// Weights and biases, [trainable_size]: the trainable part of a row.
    const at::Tensor& parameters() const;

    /// Same layout; what backward() fills.
    const at::Tensor& gradient() const;

    /// \param inputs  [n, network.inputs], scaled; n <= capacity; rows may be strided
    /// \return logits [n]
    const at::Tensor& forward(const at::Tensor& inputs);

    /// After forward() of the same inputs.
    /// \param logit_gradient  [n], derivative of the loss by each logit
    void backward(const at::Tensor& inputs, const at::Tensor& logit_gradient);

private:
    struct Buffers;
    std::unique_ptr<Buffers> buffers_;
};

}  // namespace ratiofarm
