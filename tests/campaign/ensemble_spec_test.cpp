#include "campaign/ensemble_spec.hpp"

#include <set>

#include "ratiofarm_test/catch.hpp"

#include "example_campaign.hpp"

using namespace ratiofarm;
using test::example_toml;
using test::replaced;

namespace {

const std::string shapes = R"toml(
[[systematic]]
name = "scale"
shape = { S = { up = "S_up", down = "S_down" }, B = { up = "B_up", down = "B_down" } }
[[systematic]]
name = "muR"
parameter = "alpha_theory"
shape = { SBI = { up_weight = "muR_2", down_weight = "muR_05" } }
)toml";

Campaign campaign_with(const std::string& more) {
    return parse_campaign(example_toml + more, "/campaigns");
}

/// An ensemble of process S.
EnsembleSpec named(const std::string& name, EnsembleRole role, const std::string& base = {}) {
    EnsembleSpec spec;
    spec.name = name;
    spec.base = base;
    spec.role = role;
    spec.process = "S";
    return spec;
}

}  // namespace

TEST_CASE("a process is learned against the reference, its samples by name", "[campaign]") {
    const auto specs = ensemble_specs(test::example_campaign());

    REQUIRE(specs.size() == 3);
    const EnsembleSpec expected{.name = "SBI",
                                .role = EnsembleRole::nominal,
                                .process = "SBI",
                                .parameter = "",
                                .numerator = {{"SBI", "", 1.0}},
                                .denominator = {{"B", "", 0.25}, {"S", "", 0.25}, {"SBI", "", 0.5}},
                                .members = 3,
                                .warm_start = ""};
    CHECK(specs[1] == expected);
}

TEST_CASE("replicas are an ensemble of their own beside the members", "[campaign]") {
    Campaign campaign = test::example_campaign();
    campaign.ensemble.replicas = 50;

    const auto specs = ensemble_specs(campaign);

    REQUIRE(specs.size() == 6);
    EnsembleSpec expected = specs[2];
    CHECK(expected.name == "SBI");
    expected.base = expected.name;
    expected.name = "SBI/replicas";
    expected.role = EnsembleRole::replicas;
    expected.members = 50;
    CHECK(specs[3] == expected);
}

TEST_CASE("a shape is learned up and down against the nominal sample alone", "[campaign]") {
    const auto specs =
        ensemble_specs(campaign_with(shapes + "[systematics]\nmembers = 2\nrate_factor = 0.5\n"));

    REQUIRE(specs.size() == 3 + 6);
    EnsembleSpec expected{.name = "B/scale/up",
                          .role = EnsembleRole::up,
                          .process = "B",
                          .parameter = "alpha_scale",
                          .numerator = {{"B_up", "", 1.0}},
                          .denominator = {{"B", "", 1.0}},
                          .members = 4,
                          .warm_start = "",
                          .rate_factor = 0.5,
                          .halves = true};
    CHECK(specs[5] == expected);
    expected.name = "B/scale/down";
    expected.role = EnsembleRole::down;
    expected.numerator = {{"B_down", "", 1.0}};
    CHECK(specs[6] == expected);
}

TEST_CASE("a variation of weights has the same events in both classes", "[campaign]") {
    const auto specs = ensemble_specs(campaign_with(shapes));

    const EnsembleSpec& down = specs[8];
    CHECK(down.name == "SBI/muR/down");
    CHECK(down.parameter == "alpha_theory");
    CHECK(down.numerator == std::vector<SamplePart>{{"SBI", "muR_05", 1.0}});
    CHECK(down.denominator == std::vector<SamplePart>{{"SBI", "", 1.0}});
}

TEST_CASE("nets of a shape learn from both halves of the events in turn", "[campaign]") {
    const std::string more = shapes + "[systematics]\nmembers = 3\n";
    const EnsembleSpec halves = ensemble_specs(campaign_with(more)).at(6);
    const EnsembleSpec whole = ensemble_specs(campaign_with(more + "halves = false\n")).at(6);

    CHECK(halves.members == 6);
    CHECK(half_of_net(halves, 0) == 1);
    CHECK(half_of_net(halves, 3) == 2);
    CHECK(whole.members == 3);
    CHECK(half_of_net(whole, 0) == 0);
    CHECK(half_of_net(ensemble_specs(campaign_with(more)).at(0), 1) == 0);
}

TEST_CASE("nets of shapes begin as those of their process if that is asked for", "[campaign]") {
    const auto specs = ensemble_specs(campaign_with(shapes + "[systematics]\nwarm_start = true\n"));

    CHECK(specs[0].warm_start.empty());
    CHECK(specs[3].warm_start == "S");
    CHECK(specs[8].warm_start == "SBI");
}

TEST_CASE("trained shapes are the columns of log g in the order of the file", "[campaign]") {
    CHECK(trained_shapes(campaign_with(shapes)) ==
          std::vector<TrainedShape>{{"S", "alpha_scale", "S/scale/up", "S/scale/down"},
                                    {"B", "alpha_scale", "B/scale/up", "B/scale/down"},
                                    {"SBI", "alpha_theory", "SBI/muR/up", "SBI/muR/down"}});
    CHECK(trained_shapes(test::example_campaign()).empty());
}

TEST_CASE("nets and packs have names by ensemble, fold and number", "[campaign]") {
    const EnsembleSpec members = named("S", EnsembleRole::nominal);
    const EnsembleSpec replicas = named("S/replicas", EnsembleRole::replicas, "S");
    const EnsembleSpec up = named("S/scale/up", EnsembleRole::up);

    CHECK(net_name(members, 0, 0, 3) == "S/member 3");
    CHECK(net_name(members, 5, 1, 3) == "S/fold 1/member 3");
    CHECK(net_name(replicas, 0, 0, 17) == "S/replica 17");
    CHECK(net_name(replicas, 2, 0, 17) == "S/fold 0/replica 17");
    CHECK(net_name(up, 0, 0, 0) == "S/scale/up/member 0");
    CHECK(pack_name(members, 0, 0, {0, 8}) == "S/members 0..7");
    CHECK(pack_name(members, 0, 0, {8, 9}) == "S/member 8");
    CHECK(pack_name(replicas, 3, 2, {4, 6}) == "S/fold 2/replicas 4..5");
}

TEST_CASE("a slash in the name of a process makes it no other one's ensemble, net or folder",
          "[campaign]") {
    std::string toml =
        replaced(example_toml, "name = \"SBI\"", "name = \"B/scale\"\nsample = \"SBI\"");
    toml = replaced(toml, "SBI = 2", "\"B/scale\" = 2");
    toml = replaced(toml, "members = 3", "members = 3\nreplicas = 2");
    const auto specs = ensemble_specs(
        parse_campaign(toml + replaced(shapes, "SBI = {", "\"B/scale\" = {"), "/campaigns"));

    std::set<std::string> names;
    for (const EnsembleSpec& spec : specs) {
        names.insert(spec.name);
        for (std::uint32_t member = 0; member < spec.members; ++member) {
            names.insert(net_name(spec, 0, 0, member));
        }
    }
    std::size_t all = specs.size();
    for (const EnsembleSpec& spec : specs) all += spec.members;
    CHECK(names.size() == all);
    CHECK(specs[2].name == "B%2Fscale");
    CHECK(specs[2].process == "B/scale");
    CHECK(names.contains("B%2Fscale/member 2"));
    CHECK(names.contains("B%2Fscale/replica 1"));
    CHECK(names.contains("B%2Fscale/muR/up/member 0"));
    CHECK(names.contains("B/scale/up/member 0"));
}

TEST_CASE("a pack fills a GPU by the arithmetic of a step, and a CPU has one net", "[campaign]") {
    const Network large{.inputs = 14, .hidden = std::vector<std::uint32_t>(7, 1500)};
    const Network middle{.inputs = 14, .hidden = std::vector<std::uint32_t>(4, 256)};
    const Network small{.inputs = 14, .hidden = std::vector<std::uint32_t>(3, 64)};

    // Weights and biases: 13.5 M, 201,729 (14*256 + 256 + 3 * (256*256 + 256) + 257). A step of
    // 1024 events takes 6 operations for each: 8.3e10, 1.2e9; 2^35 = 3.4e10.
    CHECK(automatic_pack(large, 1024, "cuda") == 1);
    CHECK(automatic_pack(large, 128, "cuda") == 2);
    CHECK(automatic_pack(middle, 1024, "cuda") == 16);
    CHECK(automatic_pack(middle, 4096, "cuda") == 4);
    CHECK(automatic_pack(small, 1024, "cuda") == 32);
    CHECK(automatic_pack(small, 1024, "cpu") == 1);
}
