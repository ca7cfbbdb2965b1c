#include "results/selection_record.hpp"

#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

namespace {

Campaign campaign_with_regions() {
    return parse_campaign(R"(
        [campaign]
        name = "toy"
        [events]
        file = "toy.h5"
        features = ["x"]
        [parameters.mu]
        range = [0.0, 10.0]
        [[process]]
        name = "S"
        coefficient = "mu"
        [reference]
        mixture = { S = 1 }
        [[region]]
        name = "SR"
        type = "unbinned"
        where = { x = [0.0, inf] }
        [[region]]
        name = "CR"
        type = "binned"
        observable = "x"
        edges = [-inf, -1.0, 0.0])",
                          "/tmp");
}

/// 30 events with a weight of 0.1, 10 of them in the region of two bins.
SelectionRecord example_record(const Campaign& campaign) {
    const RegionCuts cuts(campaign);
    SelectionRecord record{.campaign = "toy",
                           .inputs = {1, 2},
                           .rules = {3, 4},
                           .sums = empty_sums(campaign, cuts),
                           .scores = {{"S", std::vector<double>(score_bins, 1.0 / 3.0)}}};
    for (std::size_t event = 0; event < 30; ++event) {
        const RegionCuts::Place place{event % 3 == 0 ? std::size_t{1} : 0, 0};
        record.sums.front().add(place, 0.1, true);
    }
    return record;
}

}  // namespace

TEST_CASE("a record of a selection reads back as it was, to the last bit", "[report]") {
    const Campaign campaign = campaign_with_regions();
    const SelectionRecord record = example_record(campaign);

    CHECK(parse_selection_json(selection_json(record, campaign)) == record);
}

TEST_CASE("a record of a selection of another version is refused", "[report]") {
    const Campaign campaign = campaign_with_regions();
    std::string text = selection_json(example_record(campaign), campaign);
    text.replace(text.find("\"schema\": 1"), 11, "\"schema\": 9");

    CHECK_THROWS_AS(parse_selection_json(text), DataError);
    CHECK_THROWS_AS(parse_selection_json("{}"), DataError);
    CHECK_THROWS_AS(parse_selection_json("no JSON"), DataError);
}

TEST_CASE("the text of a selection says what share of a process is where", "[report]") {
    const Campaign campaign = campaign_with_regions();

    const std::string text = selection_text(example_record(campaign), campaign);

    CHECK(text.find("SR (unbinned)") != std::string::npos);
    CHECK(text.find("66.67 %") != std::string::npos);
    CHECK(text.find("33.33 %") != std::string::npos);
}

TEST_CASE("every score has a bin", "[report]") {
    CHECK(score_bin(-score_limit) == 0);
    CHECK(score_bin(-std::numeric_limits<double>::infinity()) == 0);
    CHECK(score_bin(std::nan("")) == 0);
    CHECK(score_bin(0.01) == score_bins / 2);
    CHECK(score_bin(1e300) == score_bins - 1);
    CHECK(score_bin(score_limit) == score_bins - 1);
}

TEST_CASE("a key of selection.json that is missing is named, unless it is for people", "[report]") {
    using Json = nlohmann::ordered_json;
    const Campaign campaign = campaign_with_regions();
    const SelectionRecord record = example_record(campaign);
    const Json whole = Json::parse(selection_json(record, campaign));
    const auto expect_named = [](const Json& without, const std::string& key) {
        INFO(key);
        CHECK_THROWS_WITH(parse_selection_json(without.dump()),
                          Catch::Matchers::Contains("record of a selection") &&
                              Catch::Matchers::Contains("'" + key + "'"));
    };
    for (const auto& [key, value] : whole.items()) {
        Json without = whole;
        without.erase(key);
        if (key == "regions") {
            CHECK(parse_selection_json(without.dump()) == record);
        } else {
            expect_named(without, key);
        }
    }
    for (const auto& [key, value] : whole["samples"][0].items()) {
        Json without = whole;
        without["samples"][0].erase(key);
        expect_named(without, key);
    }
    for (const auto& [key, value] : whole["samples"][0]["regions"][0].items()) {
        Json without = whole;
        without["samples"][0]["regions"][0].erase(key);
        if (key == "efficiency") {
            CHECK(parse_selection_json(without.dump()) == record);
        } else {
            expect_named(without, key);
        }
    }
}

TEST_CASE("the score's bins are equally wide and ascend", "[report]") {
    const double width = 2.0 * score_limit / static_cast<double>(score_bins);
    for (std::size_t bin = 0; bin < score_bins; ++bin) {
        const double middle = -score_limit + (static_cast<double>(bin) + 0.5) * width;
        CHECK(score_bin(middle) == bin);
    }
}
