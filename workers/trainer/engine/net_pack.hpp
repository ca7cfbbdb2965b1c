#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "ratiofarm/protocol/network.hpp"
#include "ratiofarm/protocol/training_options.hpp"

namespace at {
class Tensor;
}
namespace c10 {
struct TensorOptions;
}

namespace ratiofarm::trainer {

enum class PackUse : std::uint8_t {
    evaluate,  ///< forward only: two buffers whatever the depth
    train,     ///< keeps what the backward pass needs
};

struct PackOptions {
    std::int64_t nets = 1;
    std::int64_t capacity = 1024;  ///< most events of one pass, for each net
    PackUse use = PackUse::train;
    Precision precision = Precision::fp32;
    Engine engine = Engine::automatic;
    double dropout = 0.0;  ///< share of the hidden units that are left out, see set_dropout()
};

/// K nets of one network that are trained or evaluated in step, each on its own events. No net
/// sees another: a NaN in one does not reach the others. Results of a pass are views of buffers
/// made once, valid until the next pass.
class NetPack {
public:
    NetPack() = default;
    NetPack(const NetPack&) = delete;
    NetPack& operator=(const NetPack&) = delete;
    virtual ~NetPack() = default;

    /// Weights and biases, [nets, trainable_size]: the trainable part of each net's row, its
    /// elements side by side, rows perhaps apart. Who writes to it calls parameters_changed()
    /// before the next pass.
    virtual const at::Tensor& parameters() const = 0;

    /// An engine may keep copies in another precision or order.
    virtual void parameters_changed() = 0;

    /// Has the same shape; backward() fills it. Only for a pack that trains.
    virtual const at::Tensor& gradient() const = 0;

    /// \param inputs  [nets, n, event_size()], scaled; n <= capacity; any strides between nets
    ///                and rows, 0 between nets if all see the same events
    /// \return logits [nets, n], of a network with several outputs [nets, n, outputs]
    virtual const at::Tensor& forward(const at::Tensor& inputs) = 0;

    /// After forward() of the same inputs.
    /// \param logit_gradient  as the logits, contiguous: derivative of the loss of a net by its
    /// logits
    virtual void backward(const at::Tensor& inputs, const at::Tensor& logit_gradient) = 0;

    /// Nets that have stopped may be left out of later passes; their logits and gradients are then
    /// those of an earlier pass. The bits of the others do not change.
    /// \param running  [nets]
    virtual void set_running(const std::vector<bool>& running) = 0;

    /// From now on passes leave out units as dropout_mask() says; until then, and without keys,
    /// none does. Only of a pack with options.dropout > 0. \param keys  [nets]
    virtual void set_dropout(std::span<const std::uint64_t> keys);

    /// Whether passes of as many events are the same operations on the same memory, so that they
    /// can be recorded.
    virtual bool repeats() const { return true; }
};

/// The engine that options.engine asks for, see engine_of(). On a CPU a net has the same bits alone
/// and in any pack; on a GPU products are batched, and which nets are together may tip a last bit.
/// \param device  device and element type (float, or double in tests) of all tensors
std::unique_ptr<NetPack> make_net_pack(const Network& network,
                                       const PackOptions& options,
                                       const c10::TensorOptions& device);

}  // namespace ratiofarm::trainer
