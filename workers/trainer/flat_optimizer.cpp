#include "flat_optimizer.hpp"

#include <cmath>

#include <ATen/core/Tensor.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/zeros_like.h>

#include "ratiofarm/core/contracts.hpp"

namespace ratiofarm {
namespace {

constexpr double beta1 = 0.9;
constexpr double beta2 = 0.999;
constexpr double epsilon = 1e-8;
constexpr double momentum_decay = 0.004;
constexpr double clip_epsilon = 1e-6;  ///< PyTorch's

/// NAdam's momentum schedule, step counted from 1.
double momentum(double step) { return beta1 * (1.0 - 0.5 * std::pow(0.96, step * momentum_decay)); }

}  // namespace

/// The numbers of one step that are the same for all nets.
struct StepFactors {
    double second_correction = 0.0;  ///< 1 / sqrt(1 - beta2^step)
    double gradient_part = 0.0;      ///< of the rate, NAdam's
    double moment_part = 0.0;        ///< of the rate
};

/// Rows of one net, views of the pack's.
struct NetRows {
    at::Tensor parameters;
    at::Tensor first_moment;
    at::Tensor second_moment;
};

struct FlatOptimizer::State {
    TrainingOptions options;
    at::Tensor parameters;
    at::Tensor first_moment;
    at::Tensor second_moment;
    at::Tensor denominator;  ///< [n]
    std::vector<NetRows> nets;
    std::vector<bool> running;
    std::uint64_t steps = 0;
    double momentum_product = 1.0;

    StepFactors next_step();
    void clip(at::Tensor gradient) const;
    void step_net(NetRows& net, const at::Tensor& gradient, const StepFactors& of, double rate);
};

StepFactors FlatOptimizer::State::next_step() {
    const auto step = static_cast<double>(++steps);
    const double second = 1.0 / std::sqrt(1.0 - std::pow(beta2, step));
    if (options.optimizer != Optimizer::nadam) {
        return {second, 0.0, 1.0 / (1.0 - std::pow(beta1, step))};
    }
    const double now = momentum(step);
    const double next = momentum(step + 1.0);
    momentum_product *= now;
    return {second, (1.0 - now) / (1.0 - momentum_product), next / (1.0 - momentum_product * next)};
}

void FlatOptimizer::State::clip(at::Tensor gradient) const {
    const at::Tensor norm = at::linalg_vector_norm(gradient);
    gradient.mul_(norm.add(clip_epsilon).reciprocal_().mul_(options.clip_norm).clamp_max_(1.0));
}

void FlatOptimizer::State::step_net(NetRows& net,
                                    const at::Tensor& gradient,
                                    const StepFactors& of,
                                    double rate) {
    if (options.optimizer == Optimizer::adamw && options.weight_decay > 0.0) {
        net.parameters.mul_(1.0 - rate * options.weight_decay);
    }
    net.first_moment.lerp_(gradient, 1.0 - beta1);
    net.second_moment.mul_(beta2).addcmul_(gradient, gradient, 1.0 - beta2);
    at::sqrt_out(denominator, net.second_moment);
    denominator.mul_(of.second_correction).add_(epsilon);
    if (of.gradient_part != 0.0) {
        net.parameters.addcdiv_(gradient, denominator, -rate * of.gradient_part);
    }
    net.parameters.addcdiv_(net.first_moment, denominator, -rate * of.moment_part);
}

FlatOptimizer::FlatOptimizer(const TrainingOptions& options, const at::Tensor& parameters)
    : state_(std::make_unique<State>()) {
    RATIOFARM_EXPECT(parameters.dim() == 2 && parameters.is_contiguous());
    State& state = *state_;
    state.options = options;
    state.parameters = parameters;
    state.first_moment = at::zeros_like(parameters);
    state.second_moment = at::zeros_like(parameters);
    state.denominator = at::zeros_like(parameters[0]);
    for (std::int64_t net = 0; net < parameters.size(0); ++net) {
        state.nets.push_back({parameters[net], state.first_moment[net], state.second_moment[net]});
    }
    state.running.assign(state.nets.size(), true);
}

FlatOptimizer::~FlatOptimizer() = default;

void FlatOptimizer::step(const at::Tensor& gradient, std::span<const double> rates) {
    State& state = *state_;
    RATIOFARM_EXPECT(rates.size() == state.nets.size() &&
                     gradient.sizes() == state.parameters.sizes());
    const StepFactors factors = state.next_step();
    for (std::size_t net = 0; net < rates.size(); ++net) {
        if (!state.running[net]) continue;
        const at::Tensor own = gradient[static_cast<std::int64_t>(net)];
        if (state.options.clip_norm > 0.0) state.clip(own);
        state.step_net(state.nets[net], own, factors, rates[net]);
    }
}

void FlatOptimizer::set_running(const std::vector<bool>& running) {
    RATIOFARM_EXPECT(running.size() == state_->nets.size());
    state_->running = running;
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
