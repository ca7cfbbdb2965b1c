// Nets in a pack against the same nets alone, in every engine.

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include <ATen/Parallel.h>

#include "core/instruction_set.hpp"
#include "workers/trainer/engine/cpu_product.hpp"
#include "workers/trainer/engine/cross_entropy.hpp"
#include "workers/trainer/engine/flat_optimizer.hpp"

#include "engine_cases.hpp"

namespace ratiofarm::trainer {
namespace {

using namespace ratiofarm::test;

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
        // round otherwise than a plain one, and is used on a GPU only.
        if (path == Path::cpu) {
            CHECK(at::equal(pack->gradient()[net], alone->gradient()[0]));
        } else {
            CHECK(relative_difference(pack->gradient()[net], alone->gradient()[0]) < 2e-6);
        }
    }
}

Events events_of(const Events& all, std::int64_t net) {
    return {all.features.narrow(0, net, 1), all.positive.narrow(0, net, 1),
            all.total.narrow(0, net, 1)};
}

/// What one step makes of a pack.
struct Stepped {
    std::vector<double> loss;
    at::Tensor logits;
    at::Tensor gradient;
    at::Tensor parameters;
};

Stepped step(NetPack& pack, const Events& events) {
    FlatOptimizer optimizer({.optimizer = Optimizer::nadam, .clip_norm = 0.1}, pack.parameters());
    const auto loss = pass(pack, events);
    const std::vector<double> rates(loss.size(), 1e-3);
    const at::Tensor gradient = pack.gradient().clone();
    optimizer.step(pack.gradient(), rates);
    pack.parameters_changed();
    return {loss, pack.forward(events.features).clone(), gradient, pack.parameters().clone()};
}

TEST_CASE("on a CPU a net has the same bits in a pack as alone", "[trainer]") {
    const auto engine = GENERATE(Engine::automatic, Engine::autograd);
    const auto activation = GENERATE(Activation::silu, Activation::gelu);
    const auto precision = GENERATE(Precision::fp32, Precision::bf16);
    const std::int64_t n = GENERATE(1, 17, 40, 63);
    at::set_num_threads(GENERATE(1, 2));
    // Odd sizes: what a pack has side by side lies at all places within a line of 64 bytes.
    const Case of{some_network(NetworkKind::residual_mlp, activation),
                  {.nets = 3, .precision = precision, .engine = engine}};
    const Events events = some_events(3, n, of.network.inputs, of.type);
    const auto pack = make(of, Path::chosen);
    const at::Tensor first = pack->parameters().clone();

    const Stepped together = step(*pack, events);

    for (std::int64_t net = 0; net < 3; ++net) {
        Case one = of;
        one.options.nets = 1;
        const auto alone = make(one, Path::chosen);
        alone->parameters().copy_(first.narrow(0, net, 1));
        alone->parameters_changed();
        const Stepped expected = step(*alone, events_of(events, net));
        CHECK(together.loss[static_cast<std::size_t>(net)] == expected.loss[0]);
        CHECK(at::equal(together.gradient[net], expected.gradient[0]));
        CHECK(at::equal(together.parameters[net], expected.parameters[0]));
        CHECK(at::equal(together.logits[net], expected.logits[0]));
    }
    at::set_num_threads(1);
}

TEST_CASE("the row of each net of a pack begins a line of 64 bytes", "[trainer]") {
    const auto precision = GENERATE(Precision::fp32, Precision::bf16);
    const Case of{some_network(all_kinds(), Activation::silu), {.nets = 5, .precision = precision}};
    const auto pack = make(of, Path::chosen);

    REQUIRE(trainable_size(of.network) % 16 != 0);
    for (std::int64_t net = 0; net < 5; ++net) {
        for (const at::Tensor& rows : {pack->parameters(), pack->gradient()}) {
            const auto* row = rows[net].const_data_ptr<float>();
            CHECK(reinterpret_cast<std::uintptr_t>(row) % 64 == 0);
        }
    }
}

TEST_CASE("the loss of a net does not depend on the nets beside it", "[trainer]") {
    const c10::InferenceMode no_autograd;
    for (std::int64_t n = 1; n < 70; ++n) {
        const Events events = some_events(3, n, 4, at::kFloat);
        const at::Tensor logits = events.features.select(2, 0).contiguous() * 4;
        const at::Tensor weights = events.features.abs();
        CrossEntropy pack(3, n, logits.options());
        SoftmaxCrossEntropy classes(3, logits.options());
        pack.add(logits, events.positive, events.total);
        classes.add(events.features, weights);
        const at::Tensor gradient = pack.gradient(logits, events.positive, events.total);
        const at::Tensor by_class = classes.gradient(events.features, weights);
        for (std::int64_t net = 0; net < 3; ++net) {
            const auto part = [&](const at::Tensor& all) { return all.narrow(0, net, 1).clone(); };
            CrossEntropy alone(1, n, logits.options());
            SoftmaxCrossEntropy alone_by_class(1, logits.options());
            alone.add(part(logits), part(events.positive), part(events.total));
            alone_by_class.add(part(events.features), part(weights));
            const auto index = static_cast<std::size_t>(net);
            REQUIRE(pack.sums()[index] == alone.sums()[0]);
            REQUIRE(classes.sums()[index] == alone_by_class.sums()[0]);
            REQUIRE(at::equal(gradient[net], alone.gradient(part(logits), part(events.positive),
                                                            part(events.total))[0]));
            REQUIRE(at::equal(by_class[net],
                              alone_by_class.gradient(part(events.features), part(weights))[0]));
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

/// Logits and gradient of one pass.
std::array<at::Tensor, 2> outcome(const Case& of, int threads) {
    at::set_num_threads(threads);
    auto generator = at::detail::createCPUGenerator(3);
    const auto drawn = [&](at::IntArrayRef shape) {
        return at::randn(shape, generator, at::TensorOptions(at::kFloat));
    };
    const auto pack = make_cpu_pack(of.network, of.options);
    pack->parameters().copy_(drawn(pack->parameters().sizes()) * 0.1);
    pack->parameters_changed();
    const at::Tensor features = drawn({1, of.options.capacity, of.network.inputs});
    const at::Tensor logits = pack->forward(features).clone();
    pack->backward(features, drawn(logits.sizes()));
    at::set_num_threads(1);
    return {logits, pack->gradient().clone()};
}

TEST_CASE("where our kernels multiply, blocks of events and threads change no bit", "[trainer]") {
    const auto precision = GENERATE(Precision::fp32, Precision::bf16);
    if (widest_instructions() == VectorInstructions::portable) return;
    if (precision == Precision::bf16 && !multiplies_pairs()) return;
    // One thread works on blocks of 96 events, two on all of them at once.
    const Case of{{.inputs = 5, .hidden = {131, 131, 70}},
                  {.capacity = 301, .precision = precision}};

    const auto alone = outcome(of, 1);
    const auto together = outcome(of, 2);

    CHECK(at::equal(alone[0], together[0]));
    CHECK(at::equal(alone[1], together[1]));
}

}  // namespace
}  // namespace ratiofarm::trainer
