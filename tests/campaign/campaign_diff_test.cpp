#include "campaign/file/campaign_diff.hpp"

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
