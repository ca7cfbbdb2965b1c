#include "campaign/reference_range.hpp"

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;

namespace {

FeatureFacts facts(const std::string& name, double low, double one, double last, double high) {
    FeatureFacts result;
    result.name = name;
    result.low = low;
    result.one_percent = one;
    result.last_percent = last;
    result.high = high;
    return result;
}

SampleInfo sample(const std::string& name, const FeatureFacts& pt) {
    SampleInfo result;
    result.name = name;
    result.facts.features = {facts("angle", -1.0, -0.9, 0.9, 1.0), pt};
    return result;
}

Campaign open_campaign() {
    Campaign campaign;
    campaign.processes.resize(2);
    campaign.processes[0].name = campaign.processes[0].sample = "S";
    campaign.processes[1].name = campaign.processes[1].sample = "B";
    campaign.reference.mixture = {{"S", 0.5}, {"B", 0.5}};
    campaign.data.sample = "data";
    campaign.data.observed = true;
    return campaign;
}

/// S reaches from 20 to 300, B from 10 to 200.
std::vector<SampleInfo> with_data(const FeatureFacts& pt) {
    return {sample("S", facts("pt", 20, 30, 250, 300)), sample("B", facts("pt", 10, 15, 150, 200)),
            sample("data", pt)};
}

}  // namespace

TEST_CASE("data within what is simulated need no word", "[campaign]") {
    CHECK(data_beyond_reference(open_campaign(), with_data(facts("pt", 10, 12, 290, 300))).empty());
}

TEST_CASE("a few events beyond all simulated ones are a warning", "[campaign]") {
    const auto warnings =
        data_beyond_reference(open_campaign(), with_data(facts("pt", 11, 15, 200, 420)));
    REQUIRE(warnings.size() == 1);
    CHECK_THAT(warnings[0], Contains("pt: 'data' from 11 to 420, the reference from 10 to 300"));
}

TEST_CASE("data in other units or with values for missing ones are an error", "[campaign]") {
    for (const FeatureFacts& pt :
         {facts("pt", -999, -999, 200, 250), facts("pt", 11000, 15000, 150000, 200000)}) {
        CHECK_THROWS_WITH(data_beyond_reference(open_campaign(), with_data(pt)),
                          Contains("more than 1 % of the data") && Contains("pt: 98 % of 'data'"));
    }
}

TEST_CASE("nobody looks at the data of a blind campaign", "[campaign]") {
    Campaign campaign = open_campaign();
    campaign.data.blind = true;
    CHECK(data_beyond_reference(campaign, with_data(facts("pt", -999, -999, 200, 250))).empty());
}
