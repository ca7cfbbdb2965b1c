// Particle lists on their way into nets, and nets against ratios in closed form.

#include <cmath>
#include <numbers>

#include "ratiofarm_test/catch.hpp"

#include "core/philox.hpp"
#include "core/publish.hpp"
#include "protocol/particle_row.hpp"
#include "protocol/task_file.hpp"
#include "workers/trainer/events/mapped_sample.hpp"
#include "workers/trainer/tasks/inference.hpp"
#include "workers/trainer/tasks/training.hpp"

#include "trainer_gaussians.hpp"

namespace ratiofarm::trainer {
namespace {

using namespace ratiofarm::test;

/// Particle lists, still to be written behind the columns of a sample.
struct Lists {
    std::vector<std::string> names;
    std::vector<std::uint64_t> offsets{0};
    std::vector<float> values;
    std::vector<std::int64_t> types;

    void end_event() { offsets.push_back(values.size() / names.size()); }
};

SampleColumns write_lists(const TemporaryDirectory& folder,
                          const SimulatedSample& sample,
                          const Lists& lists) {
    SampleColumns columns = write_sample(folder, sample);
    auto bytes = read_file(columns.file);
    const auto append = [&](const auto& values) {
        bytes.resize((bytes.size() + 7) / 8 * 8);
        const std::uint64_t offset = bytes.size();
        const auto block = std::as_bytes(std::span(values));
        bytes.insert(bytes.end(), block.begin(), block.end());
        return offset;
    };
    columns.particles = {.names = lists.names,
                         .particles = lists.offsets.back(),
                         .values_offset = append(lists.values),
                         .offsets_offset = append(lists.offsets),
                         .types_offset = lists.types.empty() ? 0 : append(lists.types)};
    publish(columns.file, bytes);
    return columns;
}

/// Three particles in the first event, none in the second.
Lists three_particles() {
    return {.names = {"E", "px", "py", "pz", "d0"},
            .offsets = {0, 3, 3},
            .values = {5, 0, -3, 4, 0.5,  //
                       2, 1, 1, 0, -1,    //
                       13, 3, 4, 12, 2},
            .types = {-11, 22, 13}};
}

std::vector<float> row_of(const SampleColumns& columns, const Network& network) {
    const std::vector<std::uint32_t> features{0};
    const MappedSample sample(columns, features, network);
    std::vector<float> row(event_size(network));
    sample.fill(0, row);
    return row;
}

Network lorentz_network() {
    Network network{.kind = NetworkKind::lorentz, .inputs = 1, .hidden = {4}};
    network.max_particles = 4;
    return network;
}

TEST_CASE("particles come by descending pT, with columns, types and momenta", "[trainer]") {
    const TemporaryDirectory folder;
    const auto columns = write_lists(folder, normal_sample("S", 2, 0.0), three_particles());
    Network network = lorentz_network();
    network.particles = {"d0",         "log_pt", "eta",     "phi",        "log_E", "mass",
                         "log_pt_rel", "dphi",   "type_11", "type_other", "deta"};

    const std::vector<float> row = row_of(columns, network);

    CHECK(row[1] == 3.0F);  // multiplicity, behind one feature
    const auto slot = std::span(row).subspan(2, slot_size(network));
    const double root = std::sqrt(2.0);
    const double axis = std::atan2(2.0, 4.0);  // of the sum (4, 2, 16)
    const std::vector<double> expected{1,
                                       2,
                                       std::log(5.0),
                                       std::asinh(12.0 / 5.0),
                                       std::atan2(4.0, 3.0),
                                       std::log(13.0),
                                       0.0,
                                       std::log(5.0 / (8.0 + root)),
                                       std::atan2(4.0, 3.0) - axis,
                                       0,
                                       1,
                                       std::asinh(12.0 / 5.0) - std::asinh(16.0 / std::sqrt(20.0)),
                                       13,
                                       3,
                                       4,
                                       12,
                                       0};
    REQUIRE(slot.size() == expected.size());
    for (std::size_t k = 0; k < slot.size(); ++k) {
        CHECK(static_cast<double>(slot[k]) == Approx(expected[k]).margin(1e-7));
    }
    const auto third = std::span(row).subspan(2 + 2 * slot.size(), slot.size());
    CHECK(third[1] == -1.0F);
    CHECK(third[6] == Approx(root));  // mass
    CHECK(row.back() == 0.0F);        // a slot without a particle
}

TEST_CASE("the order of particles in the file changes no bit", "[trainer]") {
    const TemporaryDirectory folder;
    Lists lists = three_particles();
    lists.values = {1, 0, 1, 0, 3, 1, 1, 0, 0, 3, 1, 1, 0, 0, 2};  // of the same pT
    lists.types = {1, 2, 3};
    Network network = lorentz_network();
    network.particles = {"d0", "type_2"};
    const auto first = row_of(write_lists(folder, normal_sample("S", 2, 0.0), lists), network);
    std::rotate(lists.values.begin(), lists.values.begin() + 5, lists.values.end());
    std::rotate(lists.types.begin(), lists.types.begin() + 1, lists.types.end());

    CHECK(row_of(write_lists(folder, normal_sample("S", 2, 0.0), lists), network) == first);
}

TEST_CASE("of too many particles those with the highest pT are seen", "[trainer]") {
    const TemporaryDirectory folder;
    const auto columns = write_lists(folder, normal_sample("S", 2, 0.0), three_particles());
    Network network = lorentz_network();
    network.max_particles = 2;
    network.particles = {"d0"};

    const std::vector<float> row = row_of(columns, network);

    CHECK(row[1] == 3.0F);
    CHECK(row[3] == 2.0F);
    CHECK(row[3 + slot_size(network)] == 0.5F);
}

TEST_CASE("a column of masses gives energies the bits that 32 of them have lost", "[trainer]") {
    const TemporaryDirectory folder;
    const double mass = 0.000511;
    const float pz = 1000.0F;
    const Lists lists{.names = {"E", "px", "py", "pz", "mass"},
                      .offsets = {0, 1, 1},
                      .values = {pz, 0, 0, pz, static_cast<float>(mass)},
                      .types = {}};
    const auto row =
        row_of(write_lists(folder, normal_sample("S", 2, 0.0), lists), lorentz_network());

    const double energy = static_cast<double>(row[3]) + static_cast<double>(row[7]);
    CHECK(energy * energy - 1e6 == Approx(mass * mass).epsilon(1e-3));
}

TEST_CASE("pair products are those of the leading particles, in 64 bits", "[trainer]") {
    const TemporaryDirectory folder;
    Lists lists = three_particles();
    const float e = std::hypot(3e4F, 4e4F);  // nearly along each other: lost in 32 bits
    lists.values = {5, 0, -3, 4, 0.5, e, 3e4F, 4e4F, 1, -1, 2 * e, 6e4F, 8e4F, 3, 2};
    const auto columns = write_lists(folder, normal_sample("S", 2, 0.0), lists);
    const Network network{.inputs = 1, .hidden = {4}, .gram = 4};

    const std::vector<float> row = row_of(columns, network);

    const auto psi = [](double x) { return std::copysign(std::log1p(std::abs(x)), x); };
    const std::vector<double> expected{psi(2.0 * e * e - 6e4 * 3e4 - 8e4 * 4e4 - 3.0),  // 1, 2
                                       psi(2.0 * e * 5.0 + 3.0 * 8e4 - 3.0 * 4.0),      // 1, 3
                                       psi(e * 5.0 + 3.0 * 4e4 - 4.0),                  // 2, 3
                                       0.0,
                                       0.0,
                                       0.0};  // no fourth particle
    REQUIRE(row.size() == 7);
    for (std::size_t k = 0; k < 6; ++k) {
        CHECK(static_cast<double>(row[1 + k]) == Approx(expected[k]).margin(1e-6));
    }
}

TEST_CASE("a network that cannot read the particles says what they lack", "[trainer]") {
    const TemporaryDirectory folder;
    Lists lists = three_particles();
    Network network = lorentz_network();
    network.particles = {"do"};
    const auto complaint = [&] {
        const auto columns = write_lists(folder, normal_sample("S", 2, 0.0), lists);
        return message_of([&] { row_of(columns, network); });
    };

    CHECK(contains(complaint(), "'do'; did you mean 'd0'?"));
    network.particles = {"type_11"};
    lists.types.clear();
    CHECK(contains(complaint(), "particle_type, which is not there"));
    lists.names[0] = "energy";
    network.particles = {};
    CHECK(contains(complaint(), "must be E, px, py and pz"));
    network = {.inputs = 1, .hidden = {4}, .gram = 2};
    CHECK(contains(complaint(), "network.gram multiplies momenta: the first columns"));
    network = lorentz_network();
    network.kind = NetworkKind::deep_sets;
    network.particles = {"eta"};
    CHECK(contains(complaint(), "'eta' is computed from momenta"));
    network.particles = {"energy"};
    CHECK(row_of(write_lists(folder, normal_sample("S", 2, 0.0), lists), network)[3] == 13.0F);
}

// Nets against closed forms.

/// Events of two classes with the exact log ratio of each.
struct Benchmark {
    TrainRequest train;
    InferRequest infer;
    std::vector<double> exact;    ///< of the test events
    std::vector<bool> numerator;  ///< class of the test events
};

/// \param event  appends the particles of an event of a class; returns ln r
template <class Event>
Benchmark benchmark(const TemporaryDirectory& folder,
                    const Lists& empty,
                    std::uint64_t training_events,
                    Event&& event) {
    Benchmark made;
    made.train = gaussian_request(folder, 8);  // paths, seeds
    const std::uint64_t each = training_events / 2 * 6 / 5;
    const auto sample = [&](const std::string& name, std::uint64_t events, std::uint64_t first,
                            auto&& label) {
        Lists lists = empty;
        PhiloxSequence random(first + 1, 77);
        for (std::uint64_t row = 0; row < events; ++row) {
            const double exact = event(label(row), lists, random);
            lists.end_event();
            if (name != "test") continue;
            made.exact.push_back(exact);
            made.numerator.push_back(label(row));
        }
        return write_lists(folder, normal_sample(name, events, 0.0, 1, first), lists);
    };
    made.train.numerator = {{sample("one", each, 0, [](auto) { return true; }), 1.0}};
    made.train.denominator = {{sample("zero", each, 1'000'000, [](auto) { return false; }), 1.0}};
    made.train.split = {.train = 5.0 / 6.0, .validation = 1.0 / 6.0, .inference = 0.0};
    made.train.features = {};
    made.train.training.learning_rate = 3e-3;
    made.train.training.patience = 0;
    made.train.training.keep = Keep::last;  // the best one of few validation events is chance
    made.infer.name = "test";
    made.infer.task = {.high = 1, .low = 3};
    made.infer.sample = sample("test", 8000, 2'000'000, [](auto row) { return row % 2 == 0; });
    made.infer.count = 8000;
    made.infer.part = EventPart::all;
    made.infer.members = 1;
    made.infer.ensemble_file = (folder / "ensemble").string();
    made.infer.result_path = (folder / "block").string();
    return made;
}

double cross_entropy(const Benchmark& of, const std::vector<double>& logits) {
    double sum = 0.0;
    for (std::size_t row = 0; row < logits.size(); ++row) {
        sum += std::log1p(std::exp(of.numerator[row] ? -logits[row] : logits[row]));
    }
    return sum / static_cast<double>(logits.size());
}

TrainedNet trained(Benchmark& of, const Network& network) {
    of.train.network = network;
    ScriptedControl control;
    REQUIRE(train(of.train, DeviceKind::cpu, control, Log()).end == TaskEnd::done);
    auto net = read_task_file<TrainingResult>(of.train.result_path, of.train.task).nets[0];
    REQUIRE(net.failure.empty());
    return net;
}

/// Cross-entropy of the trained net less that of the exact ratio, both on the test events.
double excess(Benchmark& of, const Network& network) {
    of.infer.network = network;
    ScriptedControl control;
    const TrainedNet net = trained(of, network);
    publish(of.infer.ensemble_file, std::as_bytes(std::span(net.row)));
    of.infer.row_stride = row_size(network);
    REQUIRE(infer(of.infer, DeviceKind::cpu, control).end == TaskEnd::done);
    const auto block = read_task_file<RatioBlock>(of.infer.result_path, of.infer.task);
    const std::vector<double> logits(block.log_ratio.begin(), block.log_ratio.end());
    REQUIRE(logits.size() == of.exact.size());
    return cross_entropy(of, logits) - cross_entropy(of, of.exact);
}

/// Sets of marks: n ~ Poisson(5), marks N(0.3, 1.2^2) against n ~ Poisson(4), marks N(0, 1).
double marked_set(bool numerator, Lists& lists, PhiloxSequence& random) {
    const double mean = numerator ? 5.0 : 4.0;
    std::uint64_t n = 0;
    for (double left = random.uniform(); left > std::exp(-mean) && n < 20; ++n) {
        left *= random.uniform();
    }
    double ratio = static_cast<double>(n) * std::log(5.0 / 4.0) - 1.0;
    for (std::uint64_t i = 0; i < n; ++i) {
        const double x = numerator ? 0.3 + 1.2 * random.normal() : random.normal();
        lists.values.push_back(static_cast<float>(x));
        ratio += 0.5 * x * x - 0.5 * std::pow((x - 0.3) / 1.2, 2.0) - std::log(1.2);
    }
    return ratio;
}

TEST_CASE("deep sets learn the ratio of marked Poisson sets", "[trainer]") {
    const TemporaryDirectory folder;
    Benchmark of = benchmark(folder, {.names = {"x"}, .values = {}, .types = {}}, 2000, marked_set);
    of.train.training.epochs = 60;
    Network network{.kind = NetworkKind::deep_sets, .inputs = 0, .hidden = {32}};
    network.particles = {"x"};
    network.max_particles = 20;

    const double found = excess(of, network);

    INFO("excess " << found);
    CHECK(found < 0.004);
}

/// A mass ~ N(125, 15) or N(100, 15) that decays to two massless particles, boosted.
double boosted_mass(bool numerator, Lists& lists, PhiloxSequence& random) {
    const double mass = (numerator ? 125.0 : 100.0) + 15.0 * random.normal();
    const auto direction = [&] {
        const double z = 2.0 * random.uniform() - 1.0;
        const double phi = 2.0 * std::numbers::pi * random.uniform();
        const double side = std::sqrt(1.0 - z * z);
        return std::array{side * std::cos(phi), side * std::sin(phi), z};
    };
    const auto n = direction();
    const auto b = direction();
    const double beta = 0.8 * random.uniform();
    const double gamma = 1.0 / std::sqrt(1.0 - beta * beta);
    const double cosine = n[0] * b[0] + n[1] * b[1] + n[2] * b[2];
    for (const double sign : {1.0, -1.0}) {
        const double e = mass / 2.0;
        const double along = sign * e * cosine;
        lists.values.push_back(static_cast<float>(gamma * (e + beta * along)));
        for (std::size_t k = 0; k < 3; ++k) {
            const double p = sign * e * n[k] + ((gamma - 1.0) * along + gamma * beta * e) * b[k];
            lists.values.push_back(static_cast<float>(p));
        }
    }
    return (25.0 * mass - 2812.5) / 225.0;
}

TEST_CASE("with pair products an MLP learns a mass from 1000 boosted pairs", "[trainer]") {
    const TemporaryDirectory folder;
    Benchmark of = benchmark(folder, {.names = {"E", "px", "py", "pz"}, .values = {}, .types = {}},
                             1000, boosted_mass);
    of.train.training.epochs = 150;
    const Network network{.inputs = 0, .hidden = {32, 32}, .gram = 2};

    const double found = excess(of, network);

    INFO("excess " << found);
    CHECK(found < 0.003);
}

TEST_CASE("invariant nets learn a mass from 1000 boosted pairs, others do not", "[trainer]") {
    const TemporaryDirectory folder;
    Benchmark of = benchmark(folder, {.names = {"E", "px", "py", "pz"}, .values = {}, .types = {}},
                             1000, boosted_mass);
    of.train.training.epochs = 150;
    Network network{
        .kind = GENERATE(NetworkKind::lorentz, NetworkKind::pelican, NetworkKind::deep_sets),
        .inputs = 0,
        .hidden = {16}};
    network.max_particles = 2;
    network.width = network.kind == NetworkKind::pelican ? 8 : 16;
    network.blocks = network.kind == NetworkKind::pelican ? 1 : 2;
    if (network.kind == NetworkKind::deep_sets) network.particles = {"E", "px", "py", "pz"};

    const double found = excess(of, network);

    INFO(word_of(network.kind) << ": excess " << found);
    if (network.kind == NetworkKind::deep_sets) {
        CHECK(found > 0.01);
    } else {
        CHECK(found < 0.003);
    }
}

TEST_CASE("the closure of nets of lists alone tells those that learned nothing", "[trainer]") {
    const TemporaryDirectory folder;
    Benchmark of = benchmark(folder, {.names = {"E", "px", "py", "pz"}, .values = {}, .types = {}},
                             2000, boosted_mass);
    const bool by_products = GENERATE(true, false);
    Network network{
        .kind = by_products ? NetworkKind::mlp : NetworkKind::lorentz, .inputs = 0, .hidden = {16}};
    if (by_products) {
        network.gram = 2;
    } else {
        network.max_particles = 2;
        network.width = 16;
    }
    of.train.training.epochs = 60;
    const NetQuality good = trained(of, network).quality;
    of.train.training.epochs = 1;
    of.train.training.learning_rate = 1e-7;
    const NetQuality bad = trained(of, network).quality;

    // Multiplicity, which is two everywhere, leading pT and mass of the sum.
    constexpr double limit = 0.1;  // gates.closure
    for (const NetQuality& quality : {good, bad}) REQUIRE(quality.closure.size() == 3);
    CHECK(bad.closure[0] == 0.0);
    CHECK(bad.closure_noise[0] == 0.0);
    INFO(good.closure[2] << " +- " << good.closure_noise[2] << ", " << bad.closure[2]);
    CHECK(good.closure[1] <= std::hypot(limit, good.closure_noise[1]));
    CHECK(good.closure[2] <= std::hypot(limit, good.closure_noise[2]));
    CHECK(bad.closure[2] > 2.0 * std::hypot(limit, bad.closure_noise[2]));
}

TEST_CASE("lists without momenta have the closure of their multiplicity", "[trainer]") {
    const TemporaryDirectory folder;
    Benchmark of = benchmark(folder, {.names = {"x"}, .values = {}, .types = {}}, 4000, marked_set);
    Network network{.kind = NetworkKind::deep_sets, .inputs = 0, .hidden = {16}};
    network.particles = {"x"};
    network.max_particles = 20;
    of.train.training.epochs = 1;
    of.train.training.learning_rate = 1e-7;

    const NetQuality bad = trained(of, network).quality;

    REQUIRE(bad.closure.size() == 1);
    CHECK(bad.closure[0] > std::hypot(0.1, bad.closure_noise[0]));
}

}  // namespace
}  // namespace ratiofarm::trainer
