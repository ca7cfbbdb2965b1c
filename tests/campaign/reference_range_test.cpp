#include "campaign/reference_range.hpp"

#include <cmath>

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
    result.columns.events = name == "data" ? 400 : 10'000;
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
    CHECK_THAT(warnings[0],
               Contains("pt: 'data' reaches 420 (row 0), 120 above the last of 10000 simulated "
                        "events at 300 ("));
}

TEST_CASE("data a little beyond the last simulated event need no word", "[campaign]") {
    // 4036 data and 20,000 simulated events of which the lowest ones are 0.05 apart.
    FeatureFacts simulated = facts("pt", -4.1, -2.3, 2.3, 4.0);
    FeatureFacts seen = facts("pt", -4.1055, -2.3, 2.3, 3.6);
    std::vector<SampleInfo> samples{sample("S", simulated), sample("B", simulated),
                                    sample("data", seen)};
    samples[0].columns.events = samples[1].columns.events = 20'000;
    samples[2].columns.events = 4036;

    CHECK(data_beyond_reference(open_campaign(), samples).empty());
}

TEST_CASE("how far out data may lie is where a thousandth of one is expected", "[campaign]") {
    // The expected places of percentile and last event of N; n data beyond x: n exp(-x / s), or
    // n x^-a of a power. Where x is negative no power is thought of.
    constexpr double data = 1000.0;
    constexpr double simulated = 100'000.0;
    const bool power = GENERATE(false, true);
    const auto place = [&](double beyond) {  // of a share of the distribution
        return power ? std::pow(beyond, -1.0 / 3.0) : -900.0 - 40.0 * std::log(beyond);
    };
    for (const double expected : {0.9e-3, 1.1e-3}) {
        FeatureFacts reference = facts("pt", -999, -999, place(0.01), place(1.0 / simulated));
        FeatureFacts seen = facts("pt", -999, -999, place(0.01), place(expected / data));
        std::vector<SampleInfo> samples{sample("S", reference), sample("B", reference),
                                        sample("data", seen)};
        samples[0].columns.events = samples[1].columns.events = std::uint64_t{100'000};
        samples[2].columns.events = std::uint64_t{1000};

        const auto warnings = data_beyond_reference(open_campaign(), samples);

        INFO(expected << (power ? " of a power" : " of an exponential"));
        CHECK(warnings.empty() == (expected > 1e-3));
    }
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
