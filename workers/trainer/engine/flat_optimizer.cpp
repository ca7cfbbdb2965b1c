#include "flat_optimizer.hpp"

#include <cmath>

#include <ATen/core/Tensor.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "ratiofarm/core/contracts.hpp"

#include "cpu_team.hpp"
#include "step_kernel.hpp"

namespace ratiofarm::trainer {
namespace {

constexpr double momentum_decay = 0.004;
constexpr double clip_epsilon = 1e-6;  ///< PyTorch's

/// NAdam's momentum schedule, step counted from 1.
double momentum(double step) {
    return adam_beta1 * (1.0 - 0.5 * std::pow(0.96, step * momentum_decay));
}

}  // namespace

/// The numbers of one step that are the same for all nets.
struct StepFactors {
    double second_correction = 0.0;  ///< 1 / sqrt(1 - beta2^step)
    double gradient_part = 0.0;      ///< of the rate, NAdam's
    double moment_part = 0.0;        ///< of the rate
};

struct FlatOptimizer::State {
    TrainingOptions options;
    bool by_kernel = false;  ///< in one pass over the state of a net, on a CPU
    at::Tensor parameters;
    at::Tensor first_moment;
    at::Tensor second_moment;
    std::vector<bool> running;
    std::uint64_t steps = 0;
    double momentum_product = 1.0;
    StepFactors now;  ///< of the step that was prepared
    std::vector<double> rates;

    // Of the path by tensors.
    at::Tensor denominator;  ///< [nets, n]
    at::Tensor move;         ///< [nets, n]
    at::Tensor factors;      ///< [4, nets, 1]: decay, second_correction, -gradient, -moment rate
    at::Tensor host_factors;
    std::vector<std::int64_t> stopped;
    std::vector<at::Tensor> stopped_rows;  ///< parameters and moments of each stopped net

    double decay(double rate) const {
        return options.optimizer == Optimizer::adamw ? 1.0 - rate * options.weight_decay : 1.0;
    }
    StepFactors next_step();
    void step_by_kernel(const at::Tensor& gradient);
    void allocate();
    void fill_factors();
    void step_by_tensors(at::Tensor gradient);
};

StepFactors FlatOptimizer::State::next_step() {
    const auto step = static_cast<double>(++steps);
    const double second = 1.0 / std::sqrt(1.0 - std::pow(adam_beta2, step));
    if (options.optimizer != Optimizer::nadam) {
        return {second, 0.0, 1.0 / (1.0 - std::pow(adam_beta1, step))};
    }
    const double current = momentum(step);
    const double next = momentum(step + 1.0);
    momentum_product *= current;
    return {second, (1.0 - current) / (1.0 - momentum_product),
            next / (1.0 - momentum_product * next)};
}

void FlatOptimizer::State::step_by_kernel(const at::Tensor& gradient) {
    const auto size = static_cast<std::size_t>(parameters.size(1));
    for (std::size_t net = 0; net < rates.size(); ++net) {
        if (!running[net]) continue;
        const auto row = static_cast<std::int64_t>(net);
        const auto of_net = [row](const at::Tensor& all) {
            return all.mutable_data_ptr<float>() + row * all.stride(0);
        };
        double factor = 1.0;
        if (options.clip_norm > 0.0) {
            const double norm = at::linalg_vector_norm(gradient[row]).item<double>();
            // A norm that is not a number must reach the weights, so that it is seen.
            const double shorter = options.clip_norm / (norm + clip_epsilon);
            factor = shorter > 1.0 ? 1.0 : shorter;
        }
        const AdamStep whole{.gradient_factor = static_cast<float>(factor),
                             .decay = static_cast<float>(decay(rates[net])),
                             .second_correction = static_cast<float>(now.second_correction),
                             .gradient_rate = static_cast<float>(rates[net] * now.gradient_part),
                             .moment_rate = static_cast<float>(rates[net] * now.moment_part),
                             .parameters = of_net(parameters),
                             .first_moment = of_net(first_moment),
                             .second_moment = of_net(second_moment),
                             .gradient = of_net(gradient)};
        in_parts(size, 64, 7, [&](std::size_t begin, std::size_t end) {
            AdamStep part = whole;
            part.parameters += begin;
            part.first_moment += begin;
            part.second_moment += begin;
            part.gradient += begin;
            step_kernel().adam(part, end - begin);
        });
    }
}

void FlatOptimizer::State::allocate() {
    denominator = at::zeros_like(parameters);
    move = at::zeros_like(parameters);
    factors = at::zeros({4, parameters.size(0), 1}, parameters.options());
    host_factors = at::zeros({4, parameters.size(0), 1}, at::kDouble);
}

void FlatOptimizer::State::fill_factors() {
    auto* host = host_factors.mutable_data_ptr<double>();
    const std::size_t nets = rates.size();
    for (std::size_t net = 0; net < nets; ++net) {
        host[net] = decay(rates[net]);
        host[nets + net] = now.second_correction;
        host[2 * nets + net] = -rates[net] * now.gradient_part;
        host[3 * nets + net] = -rates[net] * now.moment_part;
    }
    factors.copy_(host_factors.to(factors.scalar_type()), true);
}

/// Reads everything that changes from step to step from tensors on the device.
void FlatOptimizer::State::step_by_tensors(at::Tensor gradient) {
    if (options.clip_norm > 0.0) {
        const at::Tensor norm = at::linalg_vector_norm(gradient, 2, {1}, true);
        gradient.mul_(norm.add(clip_epsilon).reciprocal_().mul_(options.clip_norm).clamp_max_(1.0));
    }
    if (options.optimizer == Optimizer::adamw) parameters.mul_(factors[0]);
    first_moment.lerp_(gradient, 1.0 - adam_beta1);
    second_moment.mul_(adam_beta2).addcmul_(gradient, gradient, 1.0 - adam_beta2);
    at::sqrt_out(denominator, second_moment);
    denominator.mul_(factors[1]).add_(adam_epsilon);
    at::mul_out(move, first_moment, factors[3]);
    if (options.optimizer == Optimizer::nadam) move.addcmul_(gradient, factors[2]);
    parameters.addcdiv_(move, denominator);
    for (std::size_t k = 0; k < stopped.size(); ++k) {
        parameters[stopped[k]].copy_(stopped_rows[3 * k]);
        first_moment[stopped[k]].copy_(stopped_rows[3 * k + 1]);
        second_moment[stopped[k]].copy_(stopped_rows[3 * k + 2]);
    }
}

FlatOptimizer::FlatOptimizer(const TrainingOptions& options,
                             const at::Tensor& parameters,
                             OptimizerPath path)
    : state_(std::make_unique<State>()) {
    RATIOFARM_EXPECT(parameters.dim() == 2 && parameters.stride(1) == 1);
    State& state = *state_;
    state.options = options;
    state.by_kernel = path == OptimizerPath::automatic && parameters.device().is_cpu() &&
                      parameters.scalar_type() == at::kFloat;
    state.parameters = parameters;
    state.first_moment = at::zeros_like(parameters);
    state.second_moment = at::zeros_like(parameters);
    state.running.assign(static_cast<std::size_t>(parameters.size(0)), true);
    if (!state.by_kernel) state.allocate();
}

FlatOptimizer::~FlatOptimizer() = default;

void FlatOptimizer::step(const at::Tensor& gradient, std::span<const double> rates) {
    prepare(rates);
    apply(gradient);
}

void FlatOptimizer::prepare(std::span<const double> rates) {
    State& state = *state_;
    RATIOFARM_EXPECT(rates.size() == state.running.size());
    state.now = state.next_step();
    state.rates.assign(rates.begin(), rates.end());
    if (!state.by_kernel) state.fill_factors();
}

void FlatOptimizer::apply(const at::Tensor& gradient) {
    State& state = *state_;
    RATIOFARM_EXPECT(gradient.stride(1) == 1 && gradient.sizes() == state.parameters.sizes());
    if (state.by_kernel) {
        state.step_by_kernel(gradient);
    } else {
        state.step_by_tensors(gradient);
    }
}

void FlatOptimizer::set_running(const std::vector<bool>& running) {
    State& state = *state_;
    RATIOFARM_EXPECT(running.size() == state.running.size());
    state.running = running;
    if (state.by_kernel) return;
    state.stopped.clear();
    state.stopped_rows.clear();
    for (std::size_t net = 0; net < running.size(); ++net) {
        if (running[net]) continue;
        const auto row = static_cast<std::int64_t>(net);
        state.stopped.push_back(row);
        for (const auto* rows : {&state.parameters, &state.first_moment, &state.second_moment}) {
            state.stopped_rows.push_back((*rows)[row].clone());
        }
    }
}

const at::Tensor& FlatOptimizer::first_moment() const { return state_->first_moment; }

const at::Tensor& FlatOptimizer::second_moment() const { return state_->second_moment; }

std::uint64_t FlatOptimizer::steps() const { return state_->steps; }

double FlatOptimizer::momentum_product() const { return state_->momentum_product; }

void FlatOptimizer::set_position(std::uint64_t steps, double momentum_product) {
    state_->steps = steps;
    state_->momentum_product = momentum_product;
}

}  // namespace ratiofarm::trainer
