#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "campaign/make_model.hpp"

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

SystematicSection::Yield yield_of(const Campaign& campaign, std::size_t s, std::string process) {
    const auto& yields = campaign.systematics[s].yields;
    REQUIRE(yields.has_value());
    const auto found = std::ranges::find(*yields, process, &SystematicSection::Yield::process);
    REQUIRE(found != yields->end());
    return *found;
}

}  // namespace

TEST_CASE("yields of the trained region are the share of the weights inside", "[selection]") {
    const Campaign campaign = plain(selection_toml).campaign;

    REQUIRE(campaign.processes.size() == 2);
    CHECK(*campaign.processes[0].yield == Approx(10.0 * 6.0 / 8.0));
    CHECK(*campaign.processes[1].yield == Approx(90.0 * 2.0 / 10.0));
    CHECK(campaign.events.file == "selected.h5");
    CHECK(campaign.unbinned.size() == 1);
    CHECK(campaign.unbinned[0].where.empty());
    CHECK_FALSE(needs_selection(campaign));
}

TEST_CASE("a declared factor on a yield is multiplied by the ratio of shares", "[selection]") {
    const Campaign campaign = plain(selection_toml).campaign;

    const Anchors theory = yield_of(campaign, 1, "S").factors;
    CHECK(theory.up == Approx(1.1 * (6.0 / 10.0) / (6.0 / 8.0)));
    CHECK(theory.down == Approx(0.9 * (6.0 / 7.0) / (6.0 / 8.0)));
    CHECK(campaign.systematics[1].yields->size() == 1);
    const Anchors lumi = yield_of(campaign, 2, "B").factors;
    CHECK(lumi.up == 1.02);
    CHECK(lumi.down == 0.98);
}

TEST_CASE("a factor that is not declared is the ratio of sums in the region", "[selection]") {
    const Campaign campaign = plain(selection_toml).campaign;

    const Anchors scale = yield_of(campaign, 0, "B").factors;
    CHECK(scale.up == Approx(3.0 / 2.0));
    CHECK(scale.down == Approx(2.0 / 2.0));
}

TEST_CASE("where yields are declared, a process that is not named keeps its total", "[selection]") {
    const Campaign campaign =
        plain(replaced(selection_toml, "yield = { S = { up = 1.1, down = 0.9 } }", "yield = {}"))
            .campaign;

    CHECK(yield_of(campaign, 1, "S").factors.up == Approx((6.0 / 10.0) / (6.0 / 8.0)));
}

TEST_CASE("one section may declare the yield of a shape of another", "[selection]") {
    std::string toml =
        replaced(selection_toml, "yield = { S = { up = 1.1, down = 0.9 } }", "yield = {}");
    toml = replaced(toml, "[[systematic]]\nname = \"lumi\"",
                    "[[systematic]]\nname = \"rate\"\nparameter = \"alpha_theory\"\nshape = []\n"
                    "yield = { S = { up = 1.1, down = 0.9 } }\nyield_code = \"code1\"\n"
                    "[[systematic]]\nname = \"lumi\"");

    const Campaign campaign = plain(toml).campaign;

    CHECK(campaign.systematics[1].yields->empty());
    CHECK(yield_of(campaign, 2, "S").factors.up == Approx(1.1 * (6.0 / 10.0) / (6.0 / 8.0)));
    const auto& effects = campaign.binned[0].region.samples[0].yields;
    REQUIRE_FALSE(effects.empty());
    CHECK(effects[0].parameter == "alpha_theory");
    CHECK(effects[0].code == Interpolation::code1);
}

TEST_CASE("the plain campaign reads back equal", "[selection]") {
    const Campaign campaign = plain(selection_toml).campaign;

    const Campaign again = parse_campaign(campaign_toml(campaign), campaign.folder);

    CHECK(again == campaign);
    CHECK_FALSE(needs_selection(again));
}

TEST_CASE("a preselection leaves shares to the events for inference", "[selection]") {
    std::string toml = replaced(selection_toml, "[[region]]\nname = \"SR\"",
                                "[preselection]\n[[region]]\nname = \"SR\"");
    toml = replaced(toml, "where = { x = [2.0, inf] }", "where = { score = [2.0, inf] }");
    toml = replaced(toml, "observable = \"x\"", "observable = \"score\"");

    const Campaign campaign = plain(toml).campaign;

    CHECK(*campaign.processes[0].yield == Approx(10.0 * 4.0 / 5.0));
    CHECK(*campaign.processes[1].yield == Approx(90.0 * 1.0 / 9.0));
    CHECK(yield_of(campaign, 1, "S").factors.up == Approx(1.1 * (4.0 / 6.0) / (4.0 / 5.0)));
    CHECK_FALSE(campaign.preselection.has_value());
    CHECK_FALSE(
        counts_inference_only(parse(replaced(toml, "[events]", "[split]\nfolds = 2\n[events]"))));
}

TEST_CASE("with binned regions alone nothing is left to train", "[selection]") {
    std::string toml =
        replaced(selection_toml, "[[region]]\nname = \"SR\"\nwhere = { x = [2.0, inf] }", "");
    toml = replaced(toml, "[reference]\nmixture = { S = 1, B = 1 }",
                    "[parameters.other]\nconstraint = \"gaussian\"\nfixed = true");
    const Campaign campaign = plain(toml).campaign;

    CHECK_FALSE(campaign.has_events());
    CHECK(campaign.processes.empty());
    CHECK(campaign.systematics.empty());
    CHECK(campaign.unbinned.empty());
    CHECK(campaign.data.observed);
    REQUIRE(campaign.binned.size() == 1);
    check_close(campaign.binned[0].region.samples[1].contents, {40.0, 40.0});
    CHECK(parse_campaign(campaign_toml(campaign), campaign.folder) == campaign);
    CHECK(make_model(campaign, std::vector<UnbinnedRegionInput>{}).binned.size() == 1);
}

TEST_CASE("events where the reference is thin are a region of one bin", "[selection]") {
    std::string toml =
        replaced(selection_toml, "[reference]", "[preselection]\n[reference]\nmax_ratio = 3.0");
    toml = replaced(toml, "[data]\nsample = \"data\"", "");
    const Campaign campaign = parse(toml);
    const RegionCuts cuts(campaign);
    REQUIRE(cuts.regions().size() == 3);
    std::vector<SampleSums> sums = example_sums(campaign);  // max_ratio has the value of x

    const PlainCampaign found = plain_campaign(campaign, sums, "selected.h5");

    // S: the events at 2.5 and 2.2 stay (4 of 5 for inference), the one at 3.0 is thin, for
    // training.
    CHECK(*found.campaign.processes[0].yield == Approx(10.0 * 4.0 / 5.0));
    CHECK(found.campaign.reference.max_ratio == 0.0);
    REQUIRE(found.campaign.binned.size() == 1);  // no event for inference is thin
    count(sums, cuts, "B", "", {{3.5}});
    const Campaign more = plain_campaign(campaign, sums, "selected.h5").campaign;
    REQUIRE(more.binned.size() == 2);
    CHECK(more.binned[1].region.name == "SR_thin");
    check_close(more.binned[1].region.samples[1].contents, {90.0 * 1.0 / 10.0});
    CHECK(*more.processes[1].yield == Approx(90.0 * 1.0 / 10.0));
    CHECK(std::ranges::any_of(found.warnings, [](const std::string& line) {
        return line.find("counted in region 'SR_thin': S 1") != std::string::npos;
    }));
}

TEST_CASE("shares of the reference that are yields follow the region", "[selection]") {
    const Campaign campaign =
        plain(replaced(selection_toml, "{ S = 1, B = 1 }", "{ S = { cap = 4 }, B = \"yield\" }"))
            .campaign;
    const Campaign both =
        plain(replaced(selection_toml, "{ S = 1, B = 1 }", "{ S = \"yield\", B = \"yield\" }"))
            .campaign;

    CHECK(campaign.reference.mixture[0].second == 0.25);
    CHECK(campaign.reference.mixture[1].second == 0.75);
    CHECK(both.reference.mixture[0].second == Approx(7.5 / (7.5 + 18.0)));
}

TEST_CASE("data events in no region are counted", "[selection]") {
    const PlainCampaign found = plain(selection_toml);

    CHECK(std::ranges::find(found.warnings, "1 of 6 data events are in no region") !=
          found.warnings.end());
}

TEST_CASE("a blind campaign has no counts of its data sample", "[selection]") {
    const Campaign campaign =
        parse(replaced(selection_toml, "sample = \"data\"", "sample = \"data\"\nblind = true"));

    const auto sums = example_sums(campaign);
    const PlainCampaign found = plain_campaign(campaign, sums, "selected.h5");

    CHECK(std::ranges::none_of(sums, [](const auto& s) { return s.sample == "data"; }));
    CHECK_FALSE(found.campaign.binned[0].observed.has_value());
    CHECK(found.campaign.data.blind);
}
