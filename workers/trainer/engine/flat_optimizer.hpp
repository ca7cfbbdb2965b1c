#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "ratiofarm/protocol/training_options.hpp"

namespace at {
class Tensor;
}

namespace ratiofarm::trainer {

enum class OptimizerPath : std::uint8_t {
    automatic,  ///< one pass by StepKernel for floats on a CPU
    tensors,    ///< LibTorch's operations, on any device and in any precision
};

/// Adam (arXiv:1412.6980), NAdam (Dozat 2016) or AdamW (arXiv:1711.05101) in PyTorch's form, with
/// its defaults beta = (0.9, 0.999), epsilon = 1e-8, momentum decay 0.004, for the nets of a pack.
/// Each net has its own rate and its own clipping; none sees another.
class FlatOptimizer {
public:
    /// \param options     optimizer, weight_decay, clip_norm
    /// \param parameters  [nets, n], the elements of a row side by side; moved in place by step()
    FlatOptimizer(const TrainingOptions& options,
                  const at::Tensor& parameters,
                  OptimizerPath path = OptimizerPath::automatic);
    ~FlatOptimizer();

    /// prepare() and apply().
    void step(const at::Tensor& gradient, std::span<const double> rates);

    /// Counts the step and hands its numbers to the device, without waiting for it.
    /// \param rates  [nets] learning rates
    void prepare(std::span<const double> rates);

    /// The rest of the step: the same operations on the same memory each time, so that it can be
    /// recorded and repeated.
    /// \param gradient  [nets, n], rows as above, may be overwritten; where clip_norm > 0, a net's
    ///                  is shortened to a norm of clip_norm, as torch.nn.utils.clip_grad_norm_ does
    void apply(const at::Tensor& gradient);

    /// Parameters and moments of nets that are not running stay as they are now, bit by bit,
    /// whatever their gradient. The bits of the others do not depend on who has stopped.
    /// \param running  [nets]; at first all are
    void set_running(const std::vector<bool>& running);

    /// State: with parameters, these continue a training exactly. Tensors [nets, n] may be written
    /// to while all nets are running.
    const at::Tensor& first_moment() const;
    const at::Tensor& second_moment() const;
    std::uint64_t steps() const;
    double momentum_product() const;
    void set_position(std::uint64_t steps, double momentum_product);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace ratiofarm::trainer
