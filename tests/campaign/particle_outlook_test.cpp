// What is wrong with particle lists, or may be, is told before anything is trained.
#include <cmath>
#include <functional>
#include <random>

#include "ratiofarm/tables/event_file.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "campaign/training_outlook.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

constexpr std::size_t listed_events = 4000;

const std::string lists_toml = R"toml([campaign]
name = "t"
[events]
file = "events.h5"
features = ["x"]
[parameters.mu]
range = [0.0, 10.0]
[[process]]
name = "S"
coefficient = "mu"
[[process]]
name = "B"
[reference]
mixture = { S = 1, B = 1 }
[network]
kind = "deep_sets"
particles = ["log_pt"]
[training]
batch = 256
)toml";

/// Two massless particles, an electron and a photon, in every event.
EventSample pairs(const std::string& name, std::uint64_t first_id) {
    std::mt19937 random(static_cast<std::uint32_t>(first_id + 1));
    std::normal_distribution<float> normal;
    EventSample result;
    result.name = name;
    result.columns = {"x"};
    ParticleLists lists{
        .columns = {"E", "px", "py", "pz"}, .offsets = {0}, .values = {}, .types = {}};
    for (std::size_t row = 0; row < listed_events; ++row) {
        result.features.push_back(normal(random));
        result.weight.push_back(0.005);
        result.id.push_back(first_id + row);
        for (const std::int64_t type : {11, 22}) {
            const float px = 30.0F + normal(random);
            const float pz = 40.0F + normal(random);
            const float values[] = {std::hypot(px, pz), px, 0.0F, pz};
            lists.values.insert(lists.values.end(), std::begin(values), std::end(values));
            lists.types.push_back(type);
        }
        lists.offsets.push_back(lists.types.size());
    }
    result.particles = std::move(lists);
    return result;
}

/// Leaves the first `events` events without particles, whose particles the next one has.
void empty(EventSample& sample, std::size_t events) {
    for (std::size_t row = 1; row <= events; ++row) sample.particles->offsets[row] = 0;
}

struct Change {
    std::string what = {};  ///< in the campaign
    std::string by = {};    ///< in its place
    std::function<void(EventSample& signal)> spoil = {};
};

/// Mistakes and warnings, one a line.
std::string told(const Change& change) {
    const test::TemporaryDirectory folder;
    EventSample signal = pairs("S", 0);
    if (change.spoil) change.spoil(signal);
    write_events(folder / "events.h5", std::vector{signal, pairs("B", 1'000'000)});
    std::string text = lists_toml;
    if (!change.what.empty()) text.replace(text.find(change.what), change.what.size(), change.by);
    const Campaign campaign = parse_campaign(text, folder.path());
    const auto samples = read_sample_info(campaign.events_path(), samples_to_read(campaign),
                                          campaign.events.features, campaign.split);
    const auto outlook =
        training_outlook(campaign, make_task_graph(campaign, samples, "cpu"), samples);
    std::string lines;
    for (const std::string& mistake : outlook.mistakes) lines += "mistake: " + mistake + "\n";
    for (const std::string& warning : outlook.warnings) lines += "warning: " + warning + "\n";
    return lines;
}

}  // namespace

TEST_CASE("of sound particle lists nothing is said", "[campaign]") {
    CHECK(told({}).empty());
    CHECK(told({"features = [\"x\"]", "features = []"}).empty());
}

TEST_CASE("columns that particles have not are mistakes", "[campaign]") {
    CHECK_THAT(told({"\"log_pt\"", "\"log_pf\""}),
               Contains("mistake: sample 'S': network.particles: there is no column 'log_pf'; did "
                        "you mean 'log_pt'?"));
    CHECK_THAT(told({"\"log_pt\"", "\"type_11\", \"type_other\"",
                     [](EventSample& s) { s.particles->types.clear(); }}),
               Contains("mistake: sample 'S': network.particles: 'type_11' needs the dataset "
                        "particle_type, which is not there"));
    CHECK_THAT(told({{}, {}, [](EventSample& s) { s.particles->columns[0] = "energy"; }}),
               Contains("mistake: sample 'S': network.particles: 'log_pt' is computed from "
                        "momenta: the first columns of the particles must be E, px, py and pz"));
    CHECK_THAT(told({"\"log_pt\"", "\"type_11\""}),
               Contains("warning: sample 'S': its particles have types without a column of their "
                        "own (22): list them in network.particles as type_22"));
}

TEST_CASE("without features hardly any event may be without particles", "[campaign]") {
    const auto spoil = [](std::size_t events) {
        return [events](EventSample& sample) { empty(sample, events); };
    };
    const std::string_view features = "features = [\"x\"]";

    CHECK_THAT(told({std::string(features), "features = []", spoil(5)}),
               Contains("mistake: sample 'S': 5 of its 4000 events have no particle, and "
                        "events.features is empty: nothing tells them apart"));
    CHECK_THAT(told({std::string(features), "features = []", spoil(4)}), !Contains("no particle"));
    CHECK_THAT(told({{}, {}, spoil(41)}),
               Contains("warning: sample 'S': 41 of its 4000 events have no particle"));
    CHECK_THAT(told({{}, {}, spoil(40)}), !Contains("no particle"));
}

TEST_CASE("units that differ, lists that are cut and energies below momenta are told",
          "[campaign]") {
    CHECK_THAT(told({{},
                     {},
                     [](EventSample& s) {
                         for (float& value : s.particles->values) value *= 1000.0F;
                     }}),
               Contains("warning: half of the particles of sample 'B' have an energy above 50, of "
                        "sample 'S' above 5e+04: are they in the same unit?"));
    CHECK_THAT(told({"[training]", "max_particles = 1\n[training]"}),
               Contains("warning: sample 'S': 4000 of its 4000 events (100 %) have more than "
                        "network.max_particles = 1 particles"));
    CHECK_THAT(told({{}, {}, [](EventSample& s) { s.particles->values[0] = 1.0F; }}),
               Contains("warning: sample 'S': 1 of its 8000 particles have E < |p|"));
    CHECK_THAT(told({"deep_sets", "lorentz"}), Contains("without beams cannot see directions"));
}
