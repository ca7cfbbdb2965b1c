// The engines of training against each other: autograd is held to finite differences, the
// written-out engines to autograd.

#include <array>
#include <cmath>

#include "workers/trainer/engine/flat_optimizer.hpp"

#include "engine_cases.hpp"

namespace ratiofarm::trainer {
namespace {

using namespace ratiofarm::test;

TEST_CASE("autograd's gradient of every kind of network is the finite difference", "[trainer]") {
    const Case of{some_network(all_kinds(), Activation::silu), {.nets = 2}, at::kDouble};
    const Events events = some_events(2, 5, of.network.inputs, of.type);
    const auto pack = make(of, Path::autograd);
    pass(*pack, events);
    const at::Tensor gradient = pack->gradient().clone();
    const auto sum = [&](std::int64_t net, std::int64_t parameter, double change) {
        pack->parameters()[net][parameter].add_(change);
        pack->parameters_changed();
        const double result = pass(*pack, events)[static_cast<std::size_t>(net)];
        pack->parameters()[net][parameter].add_(-change);
        return result;
    };

    for (std::int64_t net = 0; net < 2; ++net) {
        for (std::int64_t parameter = 0; parameter < gradient.size(1); ++parameter) {
            const double h = 1e-5;
            const double slope = (sum(net, parameter, h) - sum(net, parameter, -h)) / (2 * h) / 5;
            REQUIRE(gradient[net][parameter].item<double>() ==
                    Approx(slope).epsilon(1e-6).margin(1e-8));
        }
    }
}

/// What rounding may do to the gradient of a batch of n events. Of a single event it may be the
/// difference of two numbers that agree to a thousandth: 6e-8 of them is 6e-5 of it.
double fp32_tolerance(std::int64_t n) { return n == 1 ? 1e-4 : 1e-6; }

/// Differences of sums and gradient of the loss of one batch from autograd's.
void check_gradient(const Case& of, Path path, std::int64_t n, double tolerance) {
    const Events events = some_events(of.options.nets, n, of.network.inputs, of.type);
    const auto oracle = make(of, Path::autograd);
    const auto written = make(of, path);

    const auto expected = pass(*oracle, events);
    const auto sums = pass(*written, events);

    for (std::size_t net = 0; net < expected.size(); ++net) {
        CHECK(sums[net] == Approx(expected[net]).epsilon(1e-5).margin(1e-5));
    }
    CHECK(relative_difference(written->gradient(), oracle->gradient()) < tolerance);
}

TEST_CASE("the written gradient is autograd's to rounding", "[trainer]") {
    const auto type = GENERATE(at::kDouble, at::kFloat);
    const auto nets = GENERATE(1, 3);
    const auto n = GENERATE(1, 17, 64);
    const Case of{some_network(all_kinds(), all_activations()), {.nets = nets}, type};

    check_gradient(of, Path::written, n, type == at::kDouble ? 1e-13 : fp32_tolerance(n));
}

TEST_CASE("the gradient of the passes for a CPU is autograd's to rounding", "[trainer]") {
    const auto nets = GENERATE(1, 3);
    const auto n = GENERATE(1, 17, 64);
    const auto activation = GENERATE(Activation::relu, Activation::silu, Activation::tanh);
    const Case of{some_network(all_kinds(), activation), {.nets = nets}, at::kFloat};

    check_gradient(of, Path::cpu, n, fp32_tolerance(n));
}

TEST_CASE("no width of a layer and no number of inputs is special", "[trainer]") {
    for (const std::uint32_t width : {1U, 15U, 16U, 33U, 64U, 70U, 131U}) {
        const Network network{.kind = NetworkKind::residual_mlp,
                              .inputs = width % 20 + 1,
                              .hidden = {width, width, 7}};
        check_gradient({network, {.nets = 1}}, Path::cpu, 19, 2e-6);
    }
}

TEST_CASE("in bf16 the gradient is that of fp32 within the rounding of operands", "[trainer]") {
    const auto path = GENERATE(Path::autograd, Path::written, Path::cpu);
    const Network network{.kind = all_kinds(), .inputs = 5, .hidden = {37, 37, 64, 64}};
    const Case exact{network, {.nets = 2}, at::kFloat};
    const Case rounded{network, {.nets = 2, .precision = Precision::bf16}, at::kFloat};
    const Events events = some_events(2, 64, network.inputs, at::kFloat);
    const auto expected = make(exact, Path::autograd);
    const auto pack = make(rounded, path);

    const auto sums = pass(*expected, events);
    const auto rounded_sums = pass(*pack, events);

    // A bf16 has 8 bits: each operand is off by up to 0.4 %, in a random direction.
    const double distance =
        ((pack->gradient() - expected->gradient()).norm() / expected->gradient().norm())
            .item<double>();
    CHECK(distance > 1e-4);
    CHECK(distance < 1e-2);
    CHECK(rounded_sums[0] == Approx(sums[0]).epsilon(1e-2));
}

TEST_CASE("ten written steps are ten steps of autograd", "[trainer]") {
    const auto path = GENERATE(Path::written, Path::cpu);
    const auto type = path == Path::cpu ? at::kFloat : at::kDouble;
    const Case of{some_network(all_kinds(), Activation::silu), {.nets = 2}, type};
    const TrainingOptions options{.optimizer = GENERATE(Optimizer::adam, Optimizer::nadam)};
    const std::vector<double> rates{1e-3, 2e-3};
    const auto train = [&](Path by) {
        const auto pack = make(of, by);
        FlatOptimizer optimizer(options, pack->parameters());
        for (std::int64_t step = 0; step < 10; ++step) {
            pass(*pack, some_events(2, 20 + step, of.network.inputs, type));
            optimizer.step(pack->gradient(), rates);
            pack->parameters_changed();
        }
        return pack->parameters().clone();
    };

    // The first steps of Adam go by the sign of a gradient: where it is zero but for rounding, a
    // parameter may differ by a part of the rate.
    CHECK(relative_difference(train(path), train(Path::autograd)) <
          (type == at::kDouble ? 1e-12 : 1e-4));
}

}  // namespace
}  // namespace ratiofarm::trainer
