#include "campaign/make_model.hpp"

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "example_campaign.hpp"

using namespace ratiofarm;
using test::example_campaign;
using test::example_samples;

TEST_CASE("a declared yield counts, an absent one is the sum of the weights", "[campaign]") {
    const Campaign campaign = example_campaign();

    const StatisticalModel model = make_model(campaign, example_samples());

    CHECK(model.parameters == campaign.parameters);
    CHECK(model.parameter_of_interest == "mu");
    REQUIRE(model.unbinned.at(0).processes.size() == 3);
    CHECK(model.unbinned.at(0).processes[0].yield == 100.0);
    CHECK(model.unbinned.at(0).processes[1].yield == 700.0);
    CHECK(model.unbinned.at(0).processes[1].coefficient == campaign.processes[1].coefficient);
}

TEST_CASE("weights that sum to nothing need a declared yield", "[campaign]") {
    std::vector<SampleInfo> samples = example_samples();
    samples[0].sum_of_weights = -1.0;
    samples[1].sum_of_weights = -1.0;
    Campaign campaign = example_campaign();

    CHECK_THROWS_AS(make_model(campaign, samples), DataError);
    campaign.processes[1].yield = 2.0;
    CHECK(make_model(campaign, samples).unbinned[0].processes[1].yield == 2.0);
}

TEST_CASE("a shape that is left out leaves its yields alone", "[campaign]") {
    Campaign campaign = parse_campaign(test::example_toml + R"toml(
[[systematic]]
name = "scale"
shape = { S = { up = "S_up", down = "S_down" }, B = { up = "B_up", down = "B_down" } }
)toml",
                                       "/campaigns");
    const UnbinnedRegionInput input{
        .source = "ratios.h5",
        .processes = {{"S", 100.0}, {"SBI", 700.0}, {"B", 700.0}},
        .shapes = {{"S", "alpha_scale"}, {"B", "alpha_scale", true}},
        .yields = {{"S", "alpha_scale", {1.1, 0.9}}, {"B", "alpha_scale", {1.2, 0.8}}}};

    const auto with_names = make_model(campaign, std::vector{input}).unbinned[0].processes;
    campaign.systematics[0].shapes.reset();  // whatever the file has
    const auto without_names = make_model(campaign, std::vector{input}).unbinned[0].processes;

    for (const auto& processes : {with_names, without_names}) {
        CHECK(processes[0].systematics.at(0).shape);
        CHECK_FALSE(processes[2].systematics.at(0).shape);
        CHECK(processes[2].systematics.at(0).yield->up == 1.2);
    }
}
