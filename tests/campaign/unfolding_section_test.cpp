#include <algorithm>
#include <string>
#include <vector>

#include "ratiofarm_test/catch.hpp"

#include "campaign/campaign.hpp"
#include "campaign/made_from.hpp"
#include "campaign/task_graph.hpp"

#include "example_campaign.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;
using test::replaced;

namespace {

const std::string unfolding_toml_text = R"([campaign]
name = "jets"
[events]
file = "events.h5"
features = ["pt_reco", "width_reco"]
[network]
hidden = [50, 50]
[unfolding]
data = "data"
simulation = "mc"
truth = ["pt"]
fakes = "fixed"
background = ["ttbar"]
pretraining = "other"
members = 3
replicas_data = 20
[unfolding.network]
hidden = [7]
[unfolding.variation]
scale_up = { weight = "w_up" }
herwig = { simulation = "other" }
[[unfolding.observable]]
column = "pt"
reco = "pt_reco"
edges = [0.0, 10.0, inf]
[[unfolding.observable]]
column = "mass"
edges = [0.0, 1.0]
)";

std::vector<std::string> mistakes_of(const std::string& toml) {
    return draft_campaign(toml, "/campaigns").mistakes;
}

void expect_mistake(const std::string& before, const std::string& now, const std::string& text) {
    const auto mistakes = mistakes_of(replaced(unfolding_toml_text, before, now));
    for (const auto& line : mistakes) UNSCOPED_INFO(line);
    INFO("expected: " << text);
    CHECK(std::ranges::any_of(
        mistakes, [&](const auto& line) { return line.find(text) != std::string::npos; }));
}

}  // namespace

TEST_CASE("an unfolding needs neither processes nor parameters, and reads back equal",
          "[campaign]") {
    const Campaign campaign = parse_campaign(unfolding_toml_text, "/campaigns");

    REQUIRE(campaign.unfolding.has_value());
    const UnfoldingSection& unfolding = *campaign.unfolding;
    CHECK(unfolding.misses == Misses::extrapolate);
    CHECK(unfolding.iterations == 4);
    CHECK(unfolding.network.hidden == std::vector<std::uint32_t>{7});
    CHECK(unfolding.network.inputs == 1);
    CHECK(campaign.network.inputs == 2);
    CHECK(unfolding.variations[1].simulation == "other");
    CHECK(unfolding.observables[0].reco == "pt_reco");
    CHECK(parse_campaign(campaign_toml(campaign), "/campaigns") == campaign);
}

TEST_CASE("an unfolding reads the truth of simulations and only features of the rest",
          "[campaign]") {
    const auto samples = samples_to_read(parse_campaign(unfolding_toml_text, "/campaigns"));

    const std::vector<std::string> truth{"pt", "mass"};
    CHECK(samples == std::vector<SampleToRead>{{"data", {}},
                                               {"mc", {"w_up"}, false, true, truth},
                                               {"other", {}, false, true, truth},
                                               {"ttbar", {}}});
}

TEST_CASE("mistakes of an unfolding are named with their place", "[campaign]") {
    expect_mistake("[unfolding]\n", "[unfolding]\niterations = 0\n", "unfolding.iterations = 0");
    expect_mistake("\"fixed\"", "\"float\"", "must be one of none, follow, fixed");
    expect_mistake("simulation = \"mc\"", "simulation = \"data\"", "different events");
    expect_mistake("truth = [\"pt\"]\n", "", "unfolding.truth is missing");
    expect_mistake("[0.0, 10.0, inf]", "[0.0, 10.0, 5.0]", "two or more ascending numbers");
    expect_mistake("\"pt_reco\"\nedges", "\"pt\"\nedges", "is none of events.features");
    expect_mistake("column = \"mass\"", "column = \"pt\"", "another observable has it");
    expect_mistake("{ weight = \"w_up\" }", "{ weight = \"w_up\", simulation = \"other\" }",
                   "not both");
    expect_mistake("{ weight = \"w_up\" }", "{}", "needs weight");
    expect_mistake("replicas_data = 20", "replicas_data = 1", "one replica has no spread");
    expect_mistake("[\"ttbar\"]", "[\"mc\"]", "is the data or the simulation itself");
    expect_mistake("pretraining = \"other\"", "pretraining = \"mc\"",
                   "nets are pretrained with another simulation");
    expect_mistake("background = [\"ttbar\"]", "background_as = \"density\"",
                   "there is no unfolding.background to subtract");
    expect_mistake("members = 3", "compare = [\"mc\"]",
                   "'mc' is the simulation, which is shown anyway");
    expect_mistake("scale_up =", "bootstrap_data_0 =", "are names of other weights");
    expect_mistake("[network]", "[parameters.mu]\nrange = [0.0, 1.0]\n[network]",
                   "parameters (a campaign with [unfolding] has no likelihood");
}

TEST_CASE("every key of an unfolding belongs to what its result is made from", "[campaign]") {
    const Campaign before = parse_campaign(unfolding_toml_text, "/campaigns");
    const Campaign after =
        parse_campaign(replaced(unfolding_toml_text, "members = 3", "members = 4"), "/campaigns");

    CHECK(campaign_diff(before, after) == std::vector<std::string>{"unfolding.members: 3 -> 4"});
}
