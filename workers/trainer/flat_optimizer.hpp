#pragma once

#include <cstdint>
#include <memory>

#include "ratiofarm/core/training_options.hpp"

namespace at {
class Tensor;
}

namespace ratiofarm {

/// Learning rate of one step.
/// \param step   counted from 0
/// \param total  steps of all epochs, > 0
double learning_rate(const TrainingOptions& options, std::uint64_t step, std::uint64_t total);

/// Adam (arXiv:1412.6980), NAdam (Dozat 2016) or AdamW (arXiv:1711.05101) in PyTorch's form, with
/// its defaults beta = (0.9, 0.999), epsilon = 1e-8, momentum decay 0.004, on one flat buffer.
class FlatOptimizer {
public:
    /// \param parameters  [n]; moved in place by step()
    FlatOptimizer(const TrainingOptions& options, const at::Tensor& parameters);
    ~FlatOptimizer();

    /// \param gradient  [n]
    void step(const at::Tensor& gradient, double rate);

    /// State: with parameters, these continue a training exactly. Tensors may be written to.
    const at::Tensor& first_moment() const;
    const at::Tensor& second_moment() const;
    std::uint64_t steps() const;
    double momentum_product() const;
    void set_position(std::uint64_t steps, double momentum_product);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace ratiofarm
