// The engines of training against each other: autograd is held to finite differences, the
// written-out engines to autograd.

#include <ATen/ATen.h>

#include "ratiofarm/core/network_kinds.hpp"
#include "ratiofarm_test/catch.hpp"

#include "cross_entropy.hpp"
#include "flat_optimizer.hpp"
#include "net_pack.hpp"

namespace ratiofarm {
namespace {

constexpr std::int64_t capacity = 64;

Network some_network(NetworkKind kind, Activation activation) {
    return {.kind = kind, .inputs = 3, .hidden = {8, 8, 5, 7, 7}, .activation = activation};
}

/// Events of all nets of a pack, each net with its own.
struct Events {
    at::Tensor features;  ///< [nets, n, inputs]
    at::Tensor positive;  ///< [nets, n]
    at::Tensor total;     ///< [nets, n], some negative
};

Events some_events(std::int64_t nets, std::int64_t n, std::int64_t inputs, at::ScalarType type) {
    auto generator = at::detail::createCPUGenerator(17);
    const auto options = at::TensorOptions().dtype(at::kDouble);
    const at::Tensor total = at::randn({nets, n}, generator, options) + 0.8;
    return {at::randn({nets, n, inputs}, generator, options).to(type),
            (total * at::rand({nets, n}, generator, options)).to(type), total.to(type)};
}

struct Case {
    Network network;
    PackOptions options;
    at::ScalarType type = at::kFloat;
};

/// A pack whose weights depend on the net's number and the network alone.
std::unique_ptr<NetPack> make(const Case& of, Engine engine) {
    PackOptions options = of.options;
    options.engine = engine;
    options.capacity = capacity;
    auto pack = make_net_pack(of.network, options, at::TensorOptions().dtype(of.type));
    for (std::int64_t net = 0; net < options.nets; ++net) {
        auto generator = at::detail::createCPUGenerator(static_cast<std::uint64_t>(100 + net));
        const at::Tensor drawn =
            at::randn({pack->parameters().size(1)}, generator, at::TensorOptions(at::kDouble));
        pack->parameters()[net].copy_(0.4 * drawn);
    }
    pack->parameters_changed();
    return pack;
}

/// Sums of the loss, [nets]; fills the gradient.
std::vector<double> pass(NetPack& pack, const Events& events) {
    const c10::InferenceMode no_autograd;
    CrossEntropy loss(events.total.size(0), capacity, events.total.options());
    const at::Tensor& logits = pack.forward(events.features);
    loss.add(logits, events.positive, events.total);
    pack.backward(events.features, loss.gradient(logits, events.positive, events.total));
    return loss.sums();
}

double relative_difference(const at::Tensor& a, const at::Tensor& b) {
    return (a - b).abs().max().item<double>() / b.abs().max().item<double>();
}

auto all_kinds() {
#define RATIOFARM_NAME(kind) NetworkKind::kind,
    return GENERATE(values<NetworkKind>({RATIOFARM_NETWORK_KINDS(RATIOFARM_NAME)}));
#undef RATIOFARM_NAME
}

auto all_activations() {
    return GENERATE(Activation::relu, Activation::silu, Activation::tanh, Activation::gelu);
}

TEST_CASE("autograd's gradient of every kind of network is the finite difference", "[trainer]") {
    const Case of{some_network(all_kinds(), Activation::silu), {.nets = 2}, at::kDouble};
    const Events events = some_events(2, 5, of.network.inputs, of.type);
    const auto pack = make(of, Engine::autograd);
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

TEST_CASE("the written gradient is autograd's to rounding", "[trainer]") {
    const auto type = GENERATE(at::kDouble, at::kFloat);
    const auto nets = GENERATE(1, 3);
    const auto n = GENERATE(1, 17, 64);
    const Case of{some_network(all_kinds(), all_activations()), {.nets = nets}, type};
    const Events events = some_events(nets, n, of.network.inputs, type);
    const auto oracle = make(of, Engine::autograd);
    const auto written = make(of, Engine::written);

    const auto expected = pass(*oracle, events);
    const auto sums = pass(*written, events);

    for (std::size_t net = 0; net < expected.size(); ++net) {
        CHECK(sums[net] == Approx(expected[net]).epsilon(1e-5).margin(1e-5));
    }
    CHECK(relative_difference(written->gradient(), oracle->gradient()) <
          (type == at::kDouble ? 1e-13 : 1e-6));
}

TEST_CASE("ten written steps are ten steps of autograd", "[trainer]") {
    const Case of{some_network(all_kinds(), Activation::silu), {.nets = 2}, at::kDouble};
    TrainingOptions options{.optimizer = GENERATE(Optimizer::adam, Optimizer::nadam)};
    const std::vector<double> rates{1e-3, 2e-3};
    const auto train = [&](Engine engine) {
        const auto pack = make(of, engine);
        FlatOptimizer optimizer(options, pack->parameters());
        for (std::int64_t step = 0; step < 10; ++step) {
            pass(*pack, some_events(2, 20 + step, of.network.inputs, of.type));
            optimizer.step(pack->gradient(), rates);
            pack->parameters_changed();
        }
        return pack->parameters().clone();
    };

    CHECK(relative_difference(train(Engine::written), train(Engine::autograd)) < 1e-12);
}

TEST_CASE("a pack computes what its nets compute alone", "[trainer]") {
    const auto engine = GENERATE(Engine::written, Engine::autograd);
    const Case of{some_network(all_kinds(), Activation::silu), {.nets = 3}, at::kFloat};
    const Events events = some_events(3, 40, of.network.inputs, of.type);
    const auto pack = make(of, engine);
    pass(*pack, events);

    for (std::int64_t net = 0; net < 3; ++net) {
        const auto alone = make({of.network, {.nets = 1}, of.type}, engine);
        alone->parameters().copy_(pack->parameters().narrow(0, net, 1));
        alone->parameters_changed();
        pass(*alone, {events.features.narrow(0, net, 1), events.positive.narrow(0, net, 1),
                      events.total.narrow(0, net, 1)});
        CHECK(relative_difference(pack->gradient()[net], alone->gradient()[0]) < 2e-6);
    }
}

TEST_CASE("a net that is not finite does not reach the others of its pack", "[trainer]") {
    const Case of{some_network(all_kinds(), Activation::silu), {.nets = 3}, at::kFloat};
    const Events events = some_events(3, 40, of.network.inputs, of.type);
    const auto clean = make(of, Engine::written);
    const auto poisoned = make(of, Engine::written);
    poisoned->parameters()[1].fill_(std::numeric_limits<float>::quiet_NaN());
    poisoned->parameters_changed();

    pass(*clean, events);
    const auto sums = pass(*poisoned, events);

    CHECK(std::isnan(sums[1]));
    for (const std::int64_t net : {0, 2}) {
        CHECK(at::equal(poisoned->gradient()[net], clean->gradient()[net]));
    }
}

}  // namespace
}  // namespace ratiofarm
