#include "campaign/made_from.hpp"

#include "ratiofarm_test/catch.hpp"

#include "example_campaign.hpp"

using namespace ratiofarm;
using test::example_campaign;
using test::example_toml;
using test::replaced;

using Lines = std::vector<std::string>;

TEST_CASE("equal campaigns have no difference", "[campaign]") {
    CHECK(campaign_diff(example_campaign(), example_campaign()).empty());
}

TEST_CASE("a difference names the key, the old and the new value", "[campaign]") {
    std::string toml = replaced(example_toml, "batch = 100", "batch = 100\nlearning_rate = 3e-4");
    toml = replaced(toml, "yield = 100.0", "yield = 120");

    CHECK(campaign_diff(example_campaign(), parse_campaign(toml, "/campaigns")) ==
          Lines{"process.S.yield: 100.0 -> 120.0", "training.learning_rate: 0.001 -> 0.0003"});
}

TEST_CASE("keys of one campaign alone are absent in the other", "[campaign]") {
    const Campaign without =
        parse_campaign(replaced(example_toml, "yield = 100.0", ""), "/campaigns");

    CHECK(campaign_diff(example_campaign(), without) ==
          Lines{"process.S.yield: 100.0 -> (absent)"});
    CHECK(campaign_diff(without, example_campaign()) ==
          Lines{"process.S.yield: (absent) -> 100.0"});
}

TEST_CASE("what cannot change a result is no difference", "[campaign]") {
    const Campaign other = parse_campaign(
        replaced(example_toml, "batch = 100", "batch = 100\ncheckpoint_seconds = 5"), "/campaigns");

    CHECK(campaign_diff(example_campaign(), other).empty());
}

TEST_CASE("the copy in a run directory does not differ from its campaign", "[campaign]") {
    const Campaign campaign = example_campaign();

    const Campaign copy =
        parse_campaign(campaign_toml(with_absolute_paths(campaign)), "/campaigns/interference.run");

    CHECK(campaign_diff(campaign, copy).empty());
}

namespace {

Campaign edited(const std::string& from, const std::string& to) {
    return parse_campaign(replaced(example_toml, from, to), "/campaigns");
}

}  // namespace

TEST_CASE("what a product was made from reads back from its text", "[campaign]") {
    const MadeFrom keys = ratios_made_from(example_campaign());

    CHECK(parse_made_from(text_of(keys)) == keys);
    CHECK(parse_made_from("").empty());
}

TEST_CASE("the number of a declared yield decides the fit, its presence the ratios", "[campaign]") {
    const Campaign campaign = example_campaign();
    const Campaign other = edited("yield = 100.0", "yield = 120");
    const Campaign without = edited("yield = 100.0", "");

    CHECK(differences(ratios_made_from(campaign), ratios_made_from(other)).empty());
    CHECK(differences(fit_made_from(campaign), fit_made_from(other)) ==
          Lines{"process.S.yield: 100.0 -> 120.0"});
    CHECK(differences(ratios_made_from(campaign), ratios_made_from(without)) ==
          Lines{"process.S.yield: (declared) -> (absent)"});
}

TEST_CASE("nets decide the ratios, and the fit only through these", "[campaign]") {
    const Campaign campaign = example_campaign();
    const Campaign other = edited("batch = 100", "batch = 200");

    CHECK(differences(ratios_made_from(campaign), ratios_made_from(other)) ==
          Lines{"training.batch: 100 -> 200"});
    CHECK(fit_made_from(campaign) == fit_made_from(other));
}

TEST_CASE("content that only a digest knows is told in words", "[campaign]") {
    const std::string key = "ratios.SR";
    const MadeFrom then{{key, "8f00b204e9800998ecf8427e00000000"}};
    const MadeFrom now{{key, "d41d8cd98f00b204e980099800000000"}};

    CHECK(differences(then, now) == Lines{key + ": other ratios, of other nets or events"});
    CHECK(differences(then, then).empty());
}

TEST_CASE("products know where no file was", "[campaign]") {
    const Campaign campaign = example_campaign();
    const Campaign copy =
        parse_campaign(campaign_toml(with_absolute_paths(campaign)), "/campaigns/interference.run");

    CHECK(ratios_made_from(campaign) == ratios_made_from(copy));
    CHECK(fit_made_from(campaign) == fit_made_from(copy));
}

TEST_CASE("data that may not be looked at decide no ratios, but the fit", "[campaign]") {
    Campaign blind = example_campaign();
    blind.data.sample = "data";
    blind.data.observed = blind.data.blind = true;
    Campaign other = blind;
    other.data.sample = "other";

    CHECK(ratios_made_from(blind) == ratios_made_from(other));
    CHECK(differences(fit_made_from(blind), fit_made_from(other)) ==
          Lines{"data.sample: \"data\" -> \"other\""});
    other.data.blind = false;
    CHECK(differences(ratios_made_from(blind), ratios_made_from(other)) ==
          Lines{"data.sample: (absent) -> \"other\""});
}
