#include "ratiofarm/campaign/make_model.hpp"

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
