#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "example_campaign.hpp"
#include "selection_example.hpp"

using namespace ratiofarm;
using test::check_close;
using test::count;
using test::CountedEvent;
using test::example_sums;
using test::parameter;
using test::plain;
using test::replaced;
using test::selection_toml;

namespace {

Campaign parse(const std::string& toml) { return test::selection_campaign(toml); }

std::string problem_of(const Campaign& campaign, const std::vector<SampleSums>& sums) {
    try {
        plain_campaign(campaign, sums, "selected.h5");
    } catch (const DataError& error) {
        return error.what();
    }
    return "no error";
}

}  // namespace

TEST_CASE("contents are the events for inference scaled to the yield", "[selection]") {
    const Campaign campaign = plain(selection_toml).campaign;

    REQUIRE(campaign.binned.size() == 1);
    const BinnedRegionSection& section = campaign.binned[0];
    CHECK_FALSE(section.from_events);
    REQUIRE(section.region.samples.size() == 2);
    const BinnedSample& signal = section.region.samples[0];
    CHECK(signal.name == "S");
    CHECK(signal.coefficient.text() == "mu");
    check_close(signal.contents, {10.0 * 1.0 / 5.0, 0.0});
    const BinnedSample& background = section.region.samples[1];
    CHECK(background.coefficient.text() == "1");
    check_close(background.contents, {90.0 * 4.0 / 9.0, 90.0 * 4.0 / 9.0});
    CHECK(section.observed == std::vector<double>{3.0, 1.0});
}

TEST_CASE("varied events are a yield effect and a shape that keeps the sum", "[selection]") {
    const Campaign campaign = plain(selection_toml).campaign;
    const auto& samples = campaign.binned[0].region.samples;

    // B_up: 90 x 12/10 events, 3/11 and 6/11 of them in the bins; nominal 40 and 40.
    const BinnedSample& background = samples[1];
    REQUIRE(background.yields.size() == 2);
    CHECK(background.yields[0].parameter == "alpha_scale");
    CHECK(background.yields[0].anchors.up == Approx(108.0 * 9.0 / 11.0 / 80.0));
    CHECK(background.yields[0].anchors.down == Approx(72.0 * 6.0 / 7.0 / 80.0));
    REQUIRE(background.shapes.size() == 1);
    CHECK(background.shapes[0].parameter == "alpha_scale");
    CHECK(background.shapes[0].code == Interpolation::code4p);
    check_close(background.shapes[0].up, {80.0 * 3.0 / 9.0, 80.0 * 6.0 / 9.0});
    check_close(background.shapes[0].down, {80.0 * 4.0 / 6.0, 80.0 * 2.0 / 6.0});
    CHECK(background.yields[1].parameter == "alpha_lumi");
    CHECK(background.yields[1].anchors.up == 1.02);

    // t_up doubles the weights of the one bin that S has: 10 x 1.1 x 2/6 events where 10 x 1/5
    // were.
    const BinnedSample& signal = samples[0];
    REQUIRE(signal.yields.size() == 2);
    CHECK(signal.yields[0].parameter == "alpha_theory");
    CHECK(signal.yields[0].anchors.up == Approx((11.0 * 2.0 / 6.0) / 2.0));
    CHECK(signal.yields[0].anchors.down == Approx((9.0 * 0.5 / 4.5) / 2.0));
    CHECK(signal.shapes.empty());
}

TEST_CASE("a bin has one Gaussian factor for the finite number of events", "[selection]") {
    const Campaign campaign = plain(selection_toml).campaign;

    // pyhf's staterror: sqrt(sum err^2) / sum nu, err = scale sqrt(sum w^2), scale = yield / sum.
    const double s = 10.0 / 5.0;
    const double b = 90.0 / 9.0;
    const double first = std::sqrt(s * s * 1.0 + b * b * 4.0) / (s * 1.0 + b * 4.0);
    const double second = std::sqrt(b * b * 8.0) / (b * 4.0);
    const Parameter& stat = parameter(campaign, "stat_CR_0");
    CHECK(stat.constraint.kind == Constraint::Kind::gaussian);
    CHECK(stat.constraint.observed == 1.0);
    CHECK(stat.constraint.width == Approx(first));
    CHECK(stat.start == 1.0);
    CHECK(stat.low == 1e-10);
    CHECK(stat.high == 10.0);
    CHECK(stat.group == "mc_stat");
    CHECK(parameter(campaign, "stat_CR_1").constraint.width == Approx(second));
    for (const BinnedSample& sample : campaign.binned[0].region.samples) {
        CHECK(sample.factors == std::vector<BinFactors>{{{"stat_CR_0", "stat_CR_1"}}});
    }
    CHECK(label_of(campaign.labels.parameters, "stat_CR_1") == "stat_CR[1]");
}

TEST_CASE("signed coefficients weigh the errors of their processes", "[selection]") {
    // At mu = 4: S counts 4 - 2 = 2 times and B 1 - 2 = -1 times.
    std::string toml =
        replaced(selection_toml, "coefficient = \"mu\"", "coefficient = \"mu - sqrt(mu)\"");
    toml = replaced(toml, "range = [0.0, 10.0]", "start = 4.0\nrange = [0.0, 10.0]");
    toml = replaced(toml, "yield = 90.0", "coefficient = \"1 - sqrt(mu)\"\nyield = 90.0");
    const Campaign campaign = parse(toml);
    const RegionCuts cuts(campaign);
    std::vector<SampleSums> sums = example_sums(campaign);
    count(sums, cuts, "S", "", std::vector<CountedEvent>(60, {0.5}));
    count(sums, cuts, "S", "", std::vector<CountedEvent>(60, {1.5}));
    count(sums, cuts, "S", "t_up", std::vector<CountedEvent>(120, {0.5}));
    count(sums, cuts, "S", "t_down", std::vector<CountedEvent>(120, {0.5}));
    // S: 61 and 60 of 125 of its 10 events; without B the bins would be negative: 5 times fewer.
    sums.erase(std::ranges::find(sums, std::string("B"), &SampleSums::sample));
    sums.push_back({.sample = "B", .weights = {}, .regions = sums[0].regions});
    SampleSums& b = sums.back();
    for (RegionSums& region : b.regions)
        region = {.bins = std::vector<double>(region.bins.size()),
                  .squares = std::vector<double>(region.bins.size()),
                  .in_bin = std::vector<std::uint64_t>(region.bins.size())};
    count(sums, cuts, "B", "", std::vector<CountedEvent>(1000, {2.5}));
    count(sums, cuts, "B", "", {{0.5}, {1.5}});

    const Campaign found = plain_campaign(campaign, sums, "selected.h5").campaign;

    const double scale_s = 10.0 / 125.0;
    const double scale_b = 90.0 / 1002.0;
    CHECK(parameter(found, "stat_CR_1").constraint.width ==
          Approx(std::sqrt(4.0 * scale_s * scale_s * 60.0 + scale_b * scale_b) /
                 (2.0 * scale_s * 60.0 - scale_b)));
    CHECK(found.binned[0].region.samples[1].coefficient.text() ==
          campaign.processes[1].coefficient.text());
}

TEST_CASE("mc_stat = false leaves the factors out", "[selection]") {
    const Campaign campaign =
        plain(replaced(selection_toml, "observable = \"x\"", "observable = \"x\"\nmc_stat = false"))
            .campaign;

    CHECK(campaign.binned[0].region.samples[0].factors.empty());
    CHECK(campaign.parameters.size() == parse(selection_toml).parameters.size());
}

TEST_CASE("a region without events, a bin without, and a share of none are errors", "[selection]") {
    const Campaign campaign = parse(selection_toml);
    const RegionCuts cuts(campaign);
    std::vector<SampleSums> empty = empty_sums(campaign, cuts);
    for (const char* sample : {"S", "B", "B_up", "B_down"}) {
        count(empty, cuts, sample, "", {{2.5}});
    }
    count(empty, cuts, "S", "t_up", {{2.5}});
    count(empty, cuts, "S", "t_down", {{2.5}});
    CHECK(problem_of(campaign, empty) ==
          "region 'CR' is empty: no event for inference of any process is in it (widen it, or look "
          "at the observables it is cut on)");

    std::vector<SampleSums> one_bin = empty;
    count(one_bin, cuts, "B", "", {{0.5}});
    CHECK(problem_of(campaign, one_bin) ==
          "region 'CR', bin 1 (x from 1.0 to 2.0): 0.0 events are expected at the start values "
          "(must be > 0; contents where the coefficient is 1: S 0.0, B 0.0); join it with another "
          "bin, or leave it out");

    std::vector<SampleSums> none = example_sums(campaign);
    none[std::size_t(std::ranges::find(none, std::string("B_up"), &SampleSums::sample) -
                     none.begin())]
        .regions[0] = empty_sums(campaign, cuts)[0].regions[0];
    CHECK_THAT(problem_of(campaign, none),
               Catch::Matchers::StartsWith("region 'SR', systematic 'scale': 0 of 9 events of "
                                           "sample 'B_up' are in it"));
}

TEST_CASE("negative contents of one process are kept and told", "[selection]") {
    const Campaign campaign = parse(selection_toml);
    std::vector<SampleSums> sums = example_sums(campaign);
    count(sums, RegionCuts(campaign), "S", "", {{1.5, -0.5}});

    const PlainCampaign found = plain_campaign(campaign, sums, "selected.h5");

    CHECK(found.campaign.binned[0].region.samples[0].contents[1] == Approx(-10.0 * 0.5 / 4.5));
    CHECK(std::ranges::any_of(found.warnings, [](const std::string& line) {
        return line.find("region 'CR', bin 1 (x from 1.0 to 2.0): the weights of process 'S'") == 0;
    }));
}
