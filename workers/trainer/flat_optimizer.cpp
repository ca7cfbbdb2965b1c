#include "flat_optimizer.hpp"

#include <cmath>
#include <numbers>

#include <ATen/core/Tensor.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/zeros_like.h>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {
namespace {

constexpr double beta1 = 0.9;
constexpr double beta2 = 0.999;
constexpr double epsilon = 1e-8;
constexpr double momentum_decay = 0.004;

/// NAdam's momentum schedule, step counted from 1.
double momentum(double step) { return beta1 * (1.0 - 0.5 * std::pow(0.96, step * momentum_decay)); }

}  // namespace

double learning_rate(const TrainingOptions& options, std::uint64_t step, std::uint64_t total) {
    RATIOFARM_EXPECT(total > 0);
    if (options.schedule == Schedule::constant) return options.learning_rate;
    const double position = static_cast<double>(step) / static_cast<double>(total);
    return options.learning_rate * 0.5 * (1.0 + std::cos(std::numbers::pi * position));
}

struct FlatOptimizer::State {
    Optimizer optimizer;
    double weight_decay;
    at::Tensor parameters;
    at::Tensor first_moment;
    at::Tensor second_moment;
    at::Tensor denominator;
    std::uint64_t steps = 0;
    double momentum_product = 1.0;
};

FlatOptimizer::FlatOptimizer(const TrainingOptions& options, const at::Tensor& parameters)
    : state_(std::make_unique<State>()) {
    state_->optimizer = options.optimizer;
    state_->weight_decay = options.optimizer == Optimizer::adamw ? options.weight_decay : 0.0;
    state_->parameters = parameters;
    state_->first_moment = at::zeros_like(parameters);
    state_->second_moment = at::zeros_like(parameters);
    state_->denominator = at::zeros_like(parameters);
}

FlatOptimizer::~FlatOptimizer() = default;

void FlatOptimizer::step(const at::Tensor& gradient, double rate) {
    State& state = *state_;
    const auto step = static_cast<double>(++state.steps);
    if (state.weight_decay > 0.0) state.parameters.mul_(1.0 - rate * state.weight_decay);
    state.first_moment.lerp_(gradient, 1.0 - beta1);
    state.second_moment.mul_(beta2).addcmul_(gradient, gradient, 1.0 - beta2);
    at::sqrt_out(state.denominator, state.second_moment);
    state.denominator.mul_(1.0 / std::sqrt(1.0 - std::pow(beta2, step))).add_(epsilon);

    if (state.optimizer != Optimizer::nadam) {
        const double bias_correction = 1.0 - std::pow(beta1, step);
        state.parameters.addcdiv_(state.first_moment, state.denominator, -rate / bias_correction);
        return;
    }
    const double now = momentum(step);
    const double next = momentum(step + 1.0);
    state.momentum_product *= now;
    const double product = state.momentum_product;
    state.parameters.addcdiv_(gradient, state.denominator, -rate * (1.0 - now) / (1.0 - product));
    state.parameters.addcdiv_(state.first_moment, state.denominator,
                              -rate * next / (1.0 - product * next));
}

const at::Tensor& FlatOptimizer::first_moment() const { return state_->first_moment; }

const at::Tensor& FlatOptimizer::second_moment() const { return state_->second_moment; }

std::uint64_t FlatOptimizer::steps() const { return state_->steps; }

double FlatOptimizer::momentum_product() const { return state_->momentum_product; }

void FlatOptimizer::set_position(std::uint64_t steps, double momentum_product) {
    state_->steps = steps;
    state_->momentum_product = momentum_product;
}

}  // namespace ratiofarm
