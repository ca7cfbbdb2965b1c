// The engines of training against each other: autograd is held to finite differences, the
// written-out engines to autograd.

#include <array>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "ratiofarm/core/network_kinds.hpp"
#include "ratiofarm_test/catch.hpp"

#include "autograd_pack.hpp"
#include "cpu_pack.hpp"
#include "cross_entropy.hpp"
#include "flat_optimizer.hpp"
#include "written_pack.hpp"

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

enum class Path { autograd, written, cpu };

std::unique_ptr<NetPack> empty_pack(const Case& of, Path path) {
    const auto device = at::TensorOptions().dtype(of.type);
    switch (path) {
        case Path::autograd: return make_autograd_pack(of.network, of.options, device);
        case Path::written: return make_written_pack(of.network, of.options, device);
        case Path::cpu: break;
    }
    return make_cpu_pack(of.network, of.options);
}

/// A pack whose weights depend on the net's number and the network alone.
std::unique_ptr<NetPack> make(Case of, Path path) {
    of.options.capacity = capacity;
    auto pack = empty_pack(of, path);
    const auto layout = parameter_layout(of.network);
    for (std::int64_t net = 0; net < of.options.nets; ++net) {
        auto generator = at::detail::createCPUGenerator(static_cast<std::uint64_t>(100 + net));
        for (std::size_t block = 2; block < layout.size(); ++block) {
            const auto size = static_cast<std::int64_t>(layout[block].size());
            const auto inputs = static_cast<double>(layout[block].shape.back());
            pack->parameters()[net]
                .narrow(0, static_cast<std::int64_t>(layout[block].offset - layout[2].offset), size)
                .copy_(at::randn({size}, generator, at::TensorOptions(at::kDouble)) /
                       std::sqrt(inputs));
        }
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
/// difference of two numbers that nearly agree.
double fp32_tolerance(std::int64_t n) { return n == 1 ? 1e-5 : 1e-6; }

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

TEST_CASE("a pack computes what its nets compute alone", "[trainer]") {
    const auto path = GENERATE(Path::autograd, Path::written, Path::cpu);
    const Case of{some_network(all_kinds(), Activation::silu), {.nets = 3}, at::kFloat};
    const Events events = some_events(3, 40, of.network.inputs, of.type);
    const auto pack = make(of, path);
    pass(*pack, events);

    for (std::int64_t net = 0; net < 3; ++net) {
        const auto alone = make({of.network, {.nets = 1}, of.type}, path);
        alone->parameters().copy_(pack->parameters().narrow(0, net, 1));
        alone->parameters_changed();
        pass(*alone, {events.features.narrow(0, net, 1), events.positive.narrow(0, net, 1),
                      events.total.narrow(0, net, 1)});
        // One after the other a pack's nets have the bits of nets alone; a batched product may
        // round otherwise than a plain one.
        if (path == Path::cpu) {
            CHECK(at::equal(pack->gradient()[net], alone->gradient()[0]));
        } else {
            CHECK(relative_difference(pack->gradient()[net], alone->gradient()[0]) < 2e-6);
        }
    }
}

TEST_CASE("two threads compute what one does", "[trainer]") {
    const auto precision = GENERATE(Precision::fp32, Precision::bf16);
    const Network network{.inputs = 20, .hidden = {700, 701}};  // wide enough for two
    const Case of{network, {.precision = precision}, at::kFloat};
    const Events events = some_events(1, 64, network.inputs, of.type);
    const auto gradient = [&](int threads) {
        at::set_num_threads(threads);
        const auto pack = make(of, Path::cpu);
        FlatOptimizer optimizer({.optimizer = Optimizer::adam}, pack->parameters());
        pass(*pack, events);
        optimizer.step(pack->gradient(), std::array{1e-3});
        pack->parameters_changed();
        pass(*pack, events);
        return pack->gradient().clone();
    };

    const at::Tensor two = gradient(2);
    const at::Tensor one = gradient(1);

    // Products may be cut otherwise; in bf16 a last bit can tip a rounding.
    CHECK(relative_difference(two, one) < (precision == Precision::bf16 ? 1e-2 : 1e-4));
}

TEST_CASE("one set of events can serve all nets of a pack", "[trainer]") {
    const auto path = GENERATE(Path::written, Path::cpu);
    const Case of{some_network(NetworkKind::mlp, Activation::silu), {.nets = 3}, at::kFloat};
    const at::Tensor one = some_events(1, 40, of.network.inputs, of.type).features;
    const at::Tensor shared = one.expand({3, 40, std::int64_t{of.network.inputs}});
    const auto pack = make(of, path);

    const at::Tensor logits = pack->forward(shared).clone();

    CHECK(at::equal(logits, pack->forward(shared.contiguous())));
}

TEST_CASE("evaluating gives the logits of the training pass", "[trainer]") {
    const auto path = GENERATE(Path::written, Path::cpu);
    const auto precision = GENERATE(Precision::fp32, Precision::bf16);
    Case of{some_network(all_kinds(), Activation::silu), {.nets = 2, .precision = precision}};
    const Events events = some_events(2, 40, of.network.inputs, of.type);
    const auto training = make(of, path);
    of.options.use = PackUse::evaluate;
    const auto evaluating = make(of, path);

    CHECK(at::equal(training->forward(events.features), evaluating->forward(events.features)));
}

TEST_CASE("a smaller batch after a full one leaves nothing of it behind", "[trainer]") {
    const auto path = GENERATE(Path::written, Path::cpu);
    const auto precision = GENERATE(Precision::fp32, Precision::bf16);
    const Case of{some_network(all_kinds(), Activation::silu), {.nets = 2, .precision = precision}};
    const Events few = some_events(2, 9, of.network.inputs, of.type);
    const auto fresh = make(of, path);
    const auto used = make(of, path);

    pass(*used, some_events(2, capacity, of.network.inputs, of.type));
    pass(*used, few);
    pass(*fresh, few);

    CHECK(at::equal(used->gradient(), fresh->gradient()));
}

TEST_CASE("nets that have stopped change no bit of the others", "[trainer]") {
    const auto path = GENERATE(Path::written, Path::cpu);
    const Case of{some_network(all_kinds(), Activation::silu), {.nets = 3}, at::kFloat};
    const Events events = some_events(3, 40, of.network.inputs, of.type);
    const auto all = make(of, path);
    const auto some = make(of, path);

    pass(*all, events);
    some->set_running({true, false, true});
    pass(*some, events);

    for (const std::int64_t net : {0, 2}) {
        CHECK(at::equal(some->gradient()[net], all->gradient()[net]));
    }
}

TEST_CASE("a net that is not finite does not reach the others of its pack", "[trainer]") {
    const auto path = GENERATE(Path::written, Path::cpu);
    const Case of{some_network(all_kinds(), Activation::silu), {.nets = 3}, at::kFloat};
    const Events events = some_events(3, 40, of.network.inputs, of.type);
    const auto clean = make(of, path);
    const auto poisoned = make(of, path);
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
