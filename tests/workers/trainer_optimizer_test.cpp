// Oracle: the published update rules, one parameter at a time in double precision.

#include <cmath>
#include <limits>
#include <vector>

#include <ATen/ATen.h>

#include "ratiofarm_test/catch.hpp"

#include "workers/trainer/engine/flat_optimizer.hpp"

namespace ratiofarm::trainer {
namespace {

TrainingOptions options_of(Optimizer optimizer) {
    TrainingOptions options;
    options.optimizer = optimizer;
    options.weight_decay = 0.1;
    return options;
}

/// Scalar reference: parameter after each step of gradients g.
class ScalarOptimizer {
public:
    ScalarOptimizer(const TrainingOptions& options, double parameter)
        : options_(options), parameter_(parameter) {}

    double step(double gradient, double rate) {
        ++step_;
        if (options_.optimizer == Optimizer::adamw)
            parameter_ -= rate * options_.weight_decay * parameter_;
        first_ = 0.9 * first_ + 0.1 * gradient;
        second_ = 0.999 * second_ + 0.001 * gradient * gradient;
        const double denominator = std::sqrt(second_ / (1 - std::pow(0.999, step_))) + 1e-8;
        if (options_.optimizer == Optimizer::nadam) {
            const double now = 0.9 * (1 - 0.5 * std::pow(0.96, step_ * 0.004));
            const double next = 0.9 * (1 - 0.5 * std::pow(0.96, (step_ + 1) * 0.004));
            product_ *= now;
            parameter_ -= rate * (1 - now) / (1 - product_) * gradient / denominator;
            parameter_ -= rate * next / (1 - product_ * next) * first_ / denominator;
        } else {
            parameter_ -= rate * first_ / (1 - std::pow(0.9, step_)) / denominator;
        }
        return parameter_;
    }

private:
    TrainingOptions options_;
    double parameter_;
    double first_ = 0.0;
    double second_ = 0.0;
    double product_ = 1.0;
    int step_ = 0;
};

/// A gradient that changes sign and size from step to step.
double gradient_at(int step, std::int64_t parameter) {
    return std::sin(0.7 * step + static_cast<double>(parameter)) + 0.2;
}

constexpr std::int64_t nets = 3;
constexpr std::int64_t size = 37;  ///< no multiple of a vector
const std::vector<double> rates{0.01, 0.02, 0.005};

at::Tensor first_parameters(at::ScalarType type) {
    return at::linspace(-1.0, 2.0, nets * size, at::kDouble).view({nets, size}).to(type);
}

at::Tensor gradients_at(int step, at::ScalarType type) {
    at::Tensor gradient = at::empty({nets, size}, at::kDouble);
    for (std::int64_t k = 0; k < nets * size; ++k) gradient.view(-1)[k] = gradient_at(step, k);
    return gradient.to(type);
}

double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }

struct Case {
    at::ScalarType type;
    OptimizerPath path;
    double tolerance;
};

Case any_case() {
    return GENERATE(Case{at::kDouble, OptimizerPath::tensors, 1e-12},
                    Case{at::kFloat, OptimizerPath::tensors, 5e-6},
                    Case{at::kFloat, OptimizerPath::automatic, 5e-6});
}

TEST_CASE("every optimizer follows its published rule", "[trainer]") {
    const Case of = any_case();
    const TrainingOptions options =
        options_of(GENERATE(Optimizer::adam, Optimizer::nadam, Optimizer::adamw));
    const at::Tensor parameters = first_parameters(of.type);
    std::vector<ScalarOptimizer> references;
    for (std::int64_t k = 0; k < nets * size; ++k) {
        references.emplace_back(options, parameters.view(-1)[k].item<double>());
    }
    FlatOptimizer flat(options, parameters, of.path);

    for (int step = 0; step < 50; ++step) {
        const at::Tensor gradient = gradients_at(step, of.type);
        at::Tensor expected = at::empty({nets * size}, at::kDouble);
        for (std::int64_t k = 0; k < nets * size; ++k) {
            expected[k] = references[static_cast<std::size_t>(k)].step(
                gradient.view(-1)[k].item<double>(), rates[static_cast<std::size_t>(k / size)]);
        }
        flat.step(gradient, rates);
        REQUIRE(largest(parameters.view(-1) - expected) < of.tolerance);
    }
}

TEST_CASE("each net's gradient is shortened by its own norm", "[trainer]") {
    const Case of = any_case();
    TrainingOptions clipped = options_of(Optimizer::adam);
    clipped.clip_norm = 1.5;
    const at::Tensor expected = first_parameters(of.type);
    const at::Tensor parameters = first_parameters(of.type);
    FlatOptimizer oracle(options_of(Optimizer::adam), expected, of.path);
    FlatOptimizer flat(clipped, parameters, of.path);

    // Adam's first step does not depend on the length of the gradient, its second does.
    for (const double scale : {1.0, 0.2}) {
        const at::Tensor gradient = gradients_at(0, of.type) * scale;
        gradient[1].mul_(0.1);
        const at::Tensor norms = gradient.norm(2, {1}, true);
        REQUIRE((norms[0].item<double>() > 1.5) == (scale == 1.0));
        REQUIRE(norms[1].item<double>() < 1.5);
        oracle.step(gradient * at::clamp_max(1.5 / (norms + 1e-6), 1.0), rates);
        flat.step(gradient.clone(), rates);
    }

    CHECK(largest(parameters - expected) < 10 * of.tolerance);
    CHECK(largest(flat.second_moment() - oracle.second_moment()) < of.tolerance);
}

TEST_CASE("a net that has stopped keeps its state, and the others do not notice", "[trainer]") {
    const Case of = any_case();
    TrainingOptions options = options_of(Optimizer::nadam);
    options.clip_norm = GENERATE(0.0, 1.0);
    const at::Tensor parameters = first_parameters(of.type);
    const at::Tensor others = first_parameters(of.type);
    FlatOptimizer flat(options, parameters, of.path);
    FlatOptimizer all(options, others, of.path);
    flat.step(gradients_at(0, of.type), rates);
    all.step(gradients_at(0, of.type), rates);
    const at::Tensor frozen = parameters[1].clone();
    const at::Tensor frozen_moment = flat.second_moment()[1].clone();

    flat.set_running({true, false, true});
    for (int step = 1; step < 4; ++step) {
        at::Tensor gradient = gradients_at(step, of.type);
        all.step(gradient.clone(), rates);
        gradient[1].fill_(std::numeric_limits<double>::quiet_NaN());
        flat.step(gradient, rates);
    }

    CHECK(at::equal(parameters[1], frozen));
    CHECK(at::equal(flat.second_moment()[1], frozen_moment));
    for (const std::int64_t net : {0, 2}) CHECK(at::equal(parameters[net], others[net]));
}

}  // namespace
}  // namespace ratiofarm::trainer
