// Networks of particle lists: their gradients, and what must not change a logit.

#include <cmath>

#include "core/philox.hpp"
#include "protocol/particle_row.hpp"

#include "engine_cases.hpp"

namespace ratiofarm::trainer {
namespace {

using namespace ratiofarm::test;

constexpr std::uint32_t slots = 6;

/// A small net of each kind, on log pT, eta and phi and one feature.
Network particle_network(NetworkKind kind) {
    Network network{.kind = kind, .inputs = 1, .hidden = {6}};
    network.max_particles = slots;
    network.width = 4;
    network.heads = 2;
    if (kind == NetworkKind::deep_sets || kind == NetworkKind::graph ||
        kind == NetworkKind::transformer) {
        network.particles = {"log_pt", "eta", "phi"};
    }
    return network;
}

auto particle_kinds() {
    return GENERATE(NetworkKind::deep_sets, NetworkKind::lorentz, NetworkKind::graph,
                    NetworkKind::transformer, NetworkKind::pelican);
}

struct Momentum {
    double e, px, py, pz;
};

/// A boost by beta along a direction of unit length.
Momentum boosted(const Momentum& p, double beta, const std::array<double, 3>& n) {
    const double gamma = 1.0 / std::sqrt(1.0 - beta * beta);
    const double along = p.px * n[0] + p.py * n[1] + p.pz * n[2];
    const double more = (gamma - 1.0) * along + gamma * beta * p.e;
    return {gamma * (p.e + beta * along), p.px + more * n[0], p.py + more * n[1],
            p.pz + more * n[2]};
}

std::vector<std::vector<Momentum>> some_momenta(std::size_t events) {
    PhiloxSequence random(3, 1);
    std::vector<std::vector<Momentum>> all;
    for (std::size_t event = 0; event < events; ++event) {
        auto& particles = all.emplace_back();
        for (std::size_t i = 0; i < event % (slots + 1); ++i) {
            Momentum p{0.0, random.normal(), random.normal(), 2.0 * random.normal()};
            p.e = std::sqrt(p.px * p.px + p.py * p.py + p.pz * p.pz + 0.01);
            particles.push_back(p);
        }
    }
    return all;
}

/// [1, events, event_size()] in double precision, as the loader and the scaling make them.
at::Tensor rows_of(const Network& network, const std::vector<std::vector<Momentum>>& events) {
    std::vector<double> values;
    for (std::size_t event = 0; event < events.size(); ++event) {
        values.push_back(0.1 * static_cast<double>(event));
        values.push_back(static_cast<double>(events[event].size()) / 3.0);
        for (std::uint32_t slot = 0; slot < network.max_particles; ++slot) {
            const bool real = slot < events[event].size();
            const Momentum p = real ? events[event][slot] : Momentum{};
            const double pt = std::hypot(p.px, p.py);
            values.push_back(real ? 1.0 : 0.0);
            for (std::size_t column = 0; column < network.particles.size(); ++column) {
                const std::array<double, 3> of{std::log(pt), std::asinh(p.pz / pt),
                                               std::atan2(p.py, p.px)};
                values.push_back(real ? of[column] : 0.0);
            }
            if (!reads_momenta(network.kind)) continue;
            for (const double number : {p.e, p.px, p.py, p.pz, 0.0}) values.push_back(number);
        }
    }
    return at::tensor(values, at::kDouble)
        .view({1, std::ssize(events), static_cast<std::int64_t>(event_size(network))});
}

at::Tensor logits(const Network& network,
                  const at::Tensor& rows,
                  PackUse use = PackUse::evaluate,
                  at::ScalarType type = at::kDouble) {
    const c10::InferenceMode no_autograd;
    const auto pack = make({network, {.use = use}, type}, Path::autograd);
    return pack->forward(rows.to(type))[0].to(at::kDouble).clone();
}

/// Largest change in units of the spread of the logits.
double change(const at::Tensor& before, const at::Tensor& after) {
    return ((after - before).abs().max() / before.std()).item<double>();
}

TEST_CASE("the gradient of every kind of particle network is the finite difference", "[trainer]") {
    Network network = particle_network(particle_kinds());
    network.beams = network.kind == NetworkKind::lorentz;
    network.neighbours = network.kind == NetworkKind::graph ? 2 : 0;
    const Case of{network, {.nets = 2}, at::kDouble};
    Events events = some_events(2, 7, 1, of.type);
    events.features = rows_of(network, some_momenta(7)).expand({2, -1, -1}).contiguous();
    const auto pack = make(of, Path::autograd);
    pass(*pack, events);
    const at::Tensor gradient = pack->gradient().clone();

    const auto sum = [&](std::int64_t net, std::int64_t parameter, double by) {
        pack->parameters()[net][parameter].add_(by);
        const double result = pass(*pack, events)[static_cast<std::size_t>(net)];
        pack->parameters()[net][parameter].add_(-by);
        return result;
    };
    const std::int64_t stride = gradient.size(1) / 40;
    for (std::int64_t parameter = 0; parameter < gradient.size(1); parameter += stride) {
        const double h = 1e-5;
        const double slope = (sum(1, parameter, h) - sum(1, parameter, -h)) / (2 * h) / 7;
        REQUIRE(gradient[1][parameter].item<double>() == Approx(slope).epsilon(1e-6).margin(1e-9));
    }
}

/// Kinds with a written-out step.
auto written_kinds() {
    return GENERATE(NetworkKind::deep_sets, NetworkKind::lorentz, NetworkKind::graph);
}

/// Difference of the gradient of the written-out step from autograd's in fp64, in units of its
/// largest element, on events of 0 to 6 particles.
double written_difference(const Network& network, std::int64_t n) {
    Events events = some_events(2, n, 1, at::kDouble);
    const at::Tensor rows = rows_of(network, some_momenta(static_cast<std::size_t>(n)));
    events.features = rows.to(at::kFloat).to(at::kDouble).expand({2, -1, -1}).contiguous();
    const auto oracle = make({network, {.nets = 2}, at::kDouble}, Path::autograd);
    const auto written = make({network, {.nets = 2}, at::kFloat}, Path::chosen);
    // The same weights.
    oracle->parameters().copy_(written->parameters());
    const auto expected = pass(*oracle, events);
    for (at::Tensor* part : {&events.features, &events.positive, &events.total}) {
        *part = part->to(at::kFloat);
    }

    const auto sums = pass(*written, events);

    for (std::size_t net = 0; net < 2; ++net) {
        CHECK(sums[net] == Approx(expected[net]).epsilon(1e-5).margin(1e-5));
    }
    return relative_difference(written->gradient().to(at::kDouble), oracle->gradient());
}

TEST_CASE("the written gradient of particle networks is autograd's to rounding", "[trainer]") {
    Network network = particle_network(written_kinds());
    network.activation = GENERATE(Activation::silu, Activation::tanh, Activation::relu);
    network.beams = GENERATE(false, true) && reads_momenta(network.kind);
    network.blocks = GENERATE(1U, 3U);
    REQUIRE(has_particle_pack(network, {}));

    for (const std::int64_t n : {1, 17, 64}) {
        INFO(word_of(network.kind) << ", " << n << " events");
        CHECK(written_difference(network, n) < 3e-6);
    }
}

TEST_CASE("no width of a particle network is special", "[trainer]") {
    Network network = particle_network(written_kinds());
    for (const std::uint32_t width : {2U, 15U, 16U, 17U, 33U, 64U, 70U}) {
        network.width = width;
        network.hidden = {width % 7 + 2, 33};
        INFO(word_of(network.kind) << ", width " << width);
        CHECK(written_difference(network, 40) < 3e-6);
    }
}

TEST_CASE("many chunks of a batch have the gradient of the whole", "[trainer]") {
    Network network = particle_network(written_kinds());
    network.max_particles = 12;
    const auto few = some_momenta(64);
    std::vector<std::vector<Momentum>> events;
    for (const auto& particles : few) {
        events.push_back(particles);
        for (const auto& more : few[5]) events.back().push_back(more);
        events.back().resize(std::min<std::size_t>(events.back().size(), 12));
    }
    Events all = some_events(1, 64, 1, at::kDouble);
    all.features = rows_of(network, events).to(at::kFloat).to(at::kDouble);
    const auto oracle = make({network, {}, at::kDouble}, Path::autograd);
    const auto written = make({network, {}, at::kFloat}, Path::particles);
    oracle->parameters().copy_(written->parameters());
    pass(*oracle, all);
    for (at::Tensor* part : {&all.features, &all.positive, &all.total})
        *part = part->to(at::kFloat);

    pass(*written, all);

    CHECK(relative_difference(written->gradient().to(at::kDouble), oracle->gradient()) < 3e-6);
}

TEST_CASE("written steps give an event the same bits in any company", "[trainer]") {
    const Network network = particle_network(written_kinds());
    const at::Tensor rows = rows_of(network, some_momenta(64)).to(at::kFloat);
    const c10::InferenceMode no_autograd;
    const auto evaluates = make({network, {.use = PackUse::evaluate}}, Path::chosen);
    const auto trains = make({network, {}}, Path::chosen);
    const at::Tensor together = evaluates->forward(rows)[0].clone();
    CHECK(at::equal(trains->forward(rows)[0], together));

    for (const std::int64_t event : {0, 5, 13, 62}) {
        const at::Tensor alone = evaluates->forward(rows.narrow(1, event, 1))[0];
        CHECK(at::equal(alone, together.narrow(0, event, 1)));
    }
}

TEST_CASE("the order of particles changes no logit", "[trainer]") {
    const Network network = particle_network(particle_kinds());
    auto events = some_momenta(40);
    const at::Tensor in_order = rows_of(network, events);
    for (auto& particles : events) std::ranges::reverse(particles);
    const at::Tensor reversed = rows_of(network, events);

    CHECK(change(logits(network, in_order), logits(network, reversed)) < 1e-13);
    CHECK(change(logits(network, in_order, PackUse::evaluate, at::kFloat),
                 logits(network, reversed, PackUse::evaluate, at::kFloat)) < 1e-5);
}

TEST_CASE("what stands in padded slots changes no logit, nor does their number", "[trainer]") {
    Network network = particle_network(particle_kinds());
    const auto events = some_momenta(40);
    const at::Tensor rows = rows_of(network, events);
    network.max_particles += 3;
    at::Tensor longer = rows_of(network, events);
    const auto slot = static_cast<std::int64_t>(slot_size(network));
    at::Tensor lists = longer.narrow(2, 2, (slots + 3) * slot).view({40, slots + 3, slot});
    // Numbers that could be those of particles, where the mask says that there is none.
    const at::Tensor padded = lists.select(2, 0).eq(0.0).unsqueeze(2);
    at::Tensor noise = at::rand(lists.sizes(), at::kDouble) + 0.5;
    noise.select(2, 0).zero_();
    lists.copy_(at::where(padded, noise, lists));
    Network shorter = network;
    shorter.max_particles = slots;

    const at::Tensor expected = logits(shorter, rows);
    CHECK(change(expected, logits(network, longer)) < 1e-13);
    CHECK(change(expected, logits(shorter, rows, PackUse::train)) < 1e-13);
}

TEST_CASE("rotations and boosts change no logit of invariant kinds, and others'", "[trainer]") {
    const Network network = particle_network(particle_kinds());
    const bool invariant =
        network.kind == NetworkKind::lorentz || network.kind == NetworkKind::pelican;
    auto events = some_momenta(60);
    const at::Tensor before = rows_of(network, events);
    PhiloxSequence random(9, 9);
    for (auto& particles : events) {
        const double beta = 0.9 * random.uniform();
        const double z = 2.0 * random.uniform() - 1.0;
        const double turn = 6.283 * random.uniform();
        const double side = std::sqrt(1.0 - z * z);
        for (Momentum& p : particles) {
            p = {p.e, p.px * std::cos(turn) - p.pz * std::sin(turn), p.py,
                 p.px * std::sin(turn) + p.pz * std::cos(turn)};
            p = boosted(p, beta, {side * std::cos(turn), side * std::sin(turn), z});
        }
    }
    const at::Tensor after = rows_of(network, events);

    const double moved = change(logits(network, before), logits(network, after));
    const double rounded = change(logits(network, before, PackUse::evaluate, at::kFloat),
                                  logits(network, after, PackUse::evaluate, at::kFloat));
    INFO(word_of(network.kind) << ": " << moved << " in fp64, " << rounded << " in fp32");
    if (invariant) {
        CHECK(moved < 1e-11);
    } else {
        CHECK(moved > 1e-3);
    }
}

TEST_CASE("beams let an invariant network see directions", "[trainer]") {
    Network network = particle_network(GENERATE(NetworkKind::lorentz, NetworkKind::pelican));
    network.beams = true;
    auto events = some_momenta(40);
    const at::Tensor before = rows_of(network, events);
    for (auto& particles : events) {
        for (Momentum& p : particles) std::swap(p.px, p.py);
    }
    const at::Tensor around_the_beam = rows_of(network, events);
    for (auto& particles : events) {
        for (Momentum& p : particles) std::swap(p.px, p.pz);
    }
    const at::Tensor away_from_it = rows_of(network, events);

    const at::Tensor expected = logits(network, before);
    CHECK(change(expected, logits(network, around_the_beam)) < 1e-12);
    CHECK(change(expected, logits(network, away_from_it)) > 1e-3);
}

TEST_CASE("an event has the same logit in any company", "[trainer]") {
    const Network network = particle_network(particle_kinds());
    const at::Tensor rows = rows_of(network, some_momenta(64)).to(at::kFloat);
    const at::Tensor together = logits(network, rows, PackUse::evaluate, at::kFloat);

    for (const std::int64_t event : {0, 5, 13, 62}) {
        const at::Tensor alone =
            logits(network, rows.narrow(1, event, 1), PackUse::evaluate, at::kFloat);
        CHECK(((alone[0] - together[event]).abs() / together.std()).item<double>() < 1e-6);
    }
}

TEST_CASE("a large batch is done in parts and has the same gradient", "[trainer]") {
    Network network = particle_network(NetworkKind::transformer);
    network.max_particles = 128;
    network.width = network.heads = 128;
    REQUIRE(4.0 * pass_numbers(network) * 12 > most_pass_bytes);
    const auto momenta = some_momenta(12);
    Events events = some_events(1, 12, 1, at::kDouble);
    events.features = rows_of(network, momenta);
    const auto pack = make({network, {}, at::kDouble}, Path::autograd);
    const double sum = pass(*pack, events)[0];
    const at::Tensor gradient = pack->gradient().clone();
    network.max_particles = 8;  // a pass of all of them
    REQUIRE(4.0 * pass_numbers(network) * 12 < most_pass_bytes);
    events.features = rows_of(network, momenta);
    const auto whole = make({network, {}, at::kDouble}, Path::autograd);

    CHECK(sum == Approx(pass(*whole, events)[0]).epsilon(1e-12));
    CHECK(relative_difference(gradient, whole->gradient()) < 1e-12);
}

TEST_CASE("the networks of the literature have their numbers of parameters", "[trainer]") {
    Network network{.kind = NetworkKind::deep_sets, .inputs = 0, .hidden = {64}};
    network.particles = {"log_pt", "eta", "phi"};
    network.width = 64;
    CHECK(trainable_size(network) == 8641);
    network.kind = NetworkKind::pelican;
    network.hidden = {16};
    network.width = 16;
    CHECK(trainable_size(network) == 8985);
    network.hidden = {8};
    network.width = 8;
    network.blocks = 1;
    CHECK(trainable_size(network) == 1273);
}

}  // namespace
}  // namespace ratiofarm::trainer
