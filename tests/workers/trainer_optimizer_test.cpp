// Oracle: the published update rules, one parameter at a time in double precision.

#include <cmath>

#include <ATen/ATen.h>

#include "ratiofarm_test/catch.hpp"

#include "flat_optimizer.hpp"
#include "learning_rate.hpp"

namespace ratiofarm {
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

TEST_CASE("every optimizer follows its published rule", "[trainer]") {
    const auto optimizer = GENERATE(Optimizer::adam, Optimizer::nadam, Optimizer::adamw);
    const TrainingOptions options = options_of(optimizer);
    const at::Tensor parameters = at::linspace(-1.0, 2.0, 5, at::kDouble).unsqueeze(0);
    std::vector<ScalarOptimizer> references;
    for (std::int64_t k = 0; k < 5; ++k) {
        references.emplace_back(options, parameters[0][k].item<double>());
    }
    FlatOptimizer flat(options, parameters);

    for (int step = 0; step < 50; ++step) {
        at::Tensor gradient = at::empty({1, 5}, at::kDouble);
        for (std::int64_t k = 0; k < 5; ++k) gradient[0][k] = gradient_at(step, k);
        const double rate = 0.01 / (1 + step);
        flat.step(gradient, std::array{rate});
        for (std::int64_t k = 0; k < 5; ++k) {
            const double expected =
                references[static_cast<std::size_t>(k)].step(gradient_at(step, k), rate);
            REQUIRE(parameters[0][k].item<double>() ==
                    Approx(expected).epsilon(1e-12).margin(1e-12));
        }
    }
}

TEST_CASE("the cosine schedule starts at the learning rate and ends near zero", "[trainer]") {
    TrainingOptions options;
    options.learning_rate = 0.5;
    options.schedule = Schedule::cosine;

    CHECK(learning_rate(options, 0, 1000) == 0.5);
    CHECK(learning_rate(options, 500, 1000) == Approx(0.25));
    CHECK(learning_rate(options, 999, 1000) < 1e-5);
    options.schedule = Schedule::constant;
    CHECK(learning_rate(options, 999, 1000) == 0.5);
}

}  // namespace
}  // namespace ratiofarm
