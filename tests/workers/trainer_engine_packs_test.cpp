// Nets in a pack against the same nets alone, in every engine.

#include <array>
#include <cmath>
#include <limits>

#include <ATen/Parallel.h>

#include "engine_cases.hpp"
#include "workers/trainer/engine/flat_optimizer.hpp"

namespace ratiofarm {
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
