#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "campaign/bin_expectations.hpp"
#include "campaign/binned_section.hpp"
#include "campaign/campaign.hpp"

using namespace ratiofarm;

namespace {

const std::string binned_campaign = R"([campaign]
name = "counting"

[parameters.mu]
start = 1.0
range = [0.0, 10.0]

[parameters.jes]
constraint = "gaussian"
range = [-5.0, 5.0]

[parameters.gamma_0]
constraint = "poisson"
width = 0.14
range = [1e-10, 10.0]

[inference]
poi = "mu"

[[region]]
name = "SR"
type = "binned"
observed = [55, 48.5]
edges = [100.0, 120.0, 150.0]
observable = "m4l"

[[region.sample]]
name = "signal"
contents = [10.0, 12]
coefficient = "mu"
yields = [{ parameter = "jes", up = 1.1, down = 0.9 }]

[[region.sample]]
name = "background"
contents = [50.0, 40.0]
yields = [{ parameter = "jes", up = 1.2, down = 0.7, code = "code1" }]
shapes = [{ parameter = "jes", up = [52.0, 41.0], down = [49.0, 38.5] }]
factors = [["gamma_0", ""]]

[labels.parameters]
gamma_0 = "stat error[0]"

[labels.samples]
signal = "the signal"
)";

std::string replaced(std::string text, const std::string& what, const std::string& by) {
    const auto at = text.find(what);
    REQUIRE(at != std::string::npos);
    return text.replace(at, what.size(), by);
}

std::vector<std::string> mistakes_of(const std::string& what, const std::string& by) {
    return draft_campaign(replaced(binned_campaign, what, by), "").mistakes;
}

/// The only mistake after a change.
std::string mistake_of(const std::string& what, const std::string& by) {
    const auto mistakes = mistakes_of(what, by);
    for (const auto& line : mistakes) UNSCOPED_INFO(line);
    REQUIRE(mistakes.size() == 1);
    return mistakes.front();
}

}  // namespace

TEST_CASE("a campaign may consist of binned regions alone", "[campaign]") {
    const Campaign campaign = parse_campaign(binned_campaign, "");

    REQUIRE(campaign.binned.size() == 1);
    const BinnedRegionSection& section = campaign.binned[0];
    CHECK(section.region.name == "SR");
    CHECK(section.observed == std::vector<double>{55.0, 48.5});
    CHECK(section.edges == std::vector<double>{100.0, 120.0, 150.0});
    CHECK(section.observable == "m4l");
    REQUIRE(section.region.samples.size() == 2);
    const BinnedSample& signal = section.region.samples[0];
    CHECK(signal.contents == std::vector<double>{10.0, 12.0});
    CHECK(signal.coefficient.text() == "mu");
    CHECK(signal.yields == std::vector<BinnedYieldEffect>{{"jes", {1.1, 0.9}}});
    const BinnedSample& background = section.region.samples[1];
    CHECK(background.coefficient.text() == "1");
    CHECK(background.yields ==
          std::vector<BinnedYieldEffect>{{"jes", {1.2, 0.7}, Interpolation::code1}});
    CHECK(background.shapes == std::vector<BinnedShapeEffect>{{"jes", {52.0, 41.0}, {49.0, 38.5}}});
    CHECK(background.factors == std::vector<BinFactors>{{{"gamma_0", ""}}});
    CHECK(label_of(campaign.labels.parameters, "gamma_0") == "stat error[0]");
    CHECK(label_of(campaign.labels.parameters, "mu") == "mu");
    CHECK(label_of(campaign.labels.samples, "signal") == "the signal");
    CHECK(parameters_of(section.region) == std::vector<std::string>{"mu", "jes", "gamma_0"});
    CHECK(campaign.unbinned.empty());
}

TEST_CASE("the resolved text of binned regions reads back equal", "[campaign]") {
    const Campaign campaign = parse_campaign(binned_campaign, "");

    const std::string text = campaign_toml(campaign);

    INFO(text);
    CHECK(parse_campaign(text, "") == campaign);
    CHECK(campaign_toml(parse_campaign(text, "")) == text);
}

TEST_CASE("a mistake in a binned region is named with its place", "[campaign]") {
    const auto has = [](const std::string& line, const std::string& part) {
        INFO(line);
        return line.find(part) != std::string::npos;
    };
    CHECK(has(mistake_of("observed = [55, 48.5]", "observed = [55, -1]"),
              "region.SR.observed[1] = -1 (must be a number >= 0)"));
    CHECK(has(mistake_of("observed = [55, 48.5]", "observed = [55]"),
              "campaign.toml:23:12: region.SR.observed = [55] (1 numbers, the region has 2 bins"));
    CHECK(has(mistake_of("edges = [100.0, 120.0, 150.0]", "edges = [100.0, 90.0, 150.0]"),
              "must be 3 ascending numbers"));
    CHECK(has(mistake_of("contents = [50.0, 40.0]", "contents = [50.0]"),
              "region.SR.sample.background.contents"));
    CHECK(has(mistake_of("name = \"background\"", "name = \"background\"\ncoefficient = \"mus\""),
              "'mus'"));
    CHECK(has(mistake_of("up = 1.1", "up = 0"), "region.SR.sample.signal.yields[0].up = 0"));
    CHECK(has(mistake_of("parameter = \"jes\", up = [", "parameter = \"jess\", up = ["),
              "no such parameter; did you mean 'jes'?"));
    CHECK(has(mistake_of("down = [49.0, 38.5]", "down = [49.0, 38.5], code = \"code4\""),
              "shapes are added"));
    CHECK(has(mistake_of("[\"gamma_0\", \"\"]", "[\"gamma_0\", \"gamma_0\", \"\"]"),
              "factors[0] has 3 entries, the region has 2 bins"));
    CHECK(has(mistake_of("[\"gamma_0\", \"\"]", "[\"gama_0\", \"\"]"),
              "factors[0][0] = \"gama_0\" (no such parameter; did you mean 'gamma_0'?)"));
    CHECK(has(mistake_of("[\"gamma_0\", \"\"]", "[\"gamma_0\", 3]"), "factors[0][1] = 3"));
    CHECK(has(mistake_of("name = \"background\"", "name = \"signal\""), "another sample has it"));
    CHECK(has(mistake_of("type = \"binned\"", ""), "type = \"binned\" is missing"));
    CHECK(has(mistake_of("observable", "obsrvable"), "unknown key; did you mean 'observable'?"));
    CHECK(
        has(mistake_of("[labels.samples]\nsignal = \"the signal\"", "[labels.samples]\nsignal = 7"),
            "labels.samples.signal = 7"));
}

TEST_CASE("mistakes of several samples are told together", "[campaign]") {
    std::string text = replaced(binned_campaign, "up = 1.1", "up = -1.1");
    text = replaced(text, "contents = [50.0, 40.0]", "contents = [50.0, nan]");
    text = replaced(text, "code1", "code3");

    CHECK(draft_campaign(text, "").mistakes.size() == 3);
}

TEST_CASE("bins that expect nothing or less are named with what to do", "[campaign]") {
    struct Case {
        std::string what;
        std::string by;
        std::size_t mistakes;
        std::size_t warnings;
        std::string text;
    };
    const std::string background = "contents = [50.0, 40.0]";
    const std::vector<Case> cases{
        {background, background, 0, 0, ""},
        // 12 - 0.5 at the start, -0.5 at mu = 0
        {background, "contents = [50.0, -0.5]", 0, 1,
         "region 'SR', bin 1 (of 0 to 1): expects -0.5 events at mu = 0 (negative contents: "
         "'background' -0.5); merge it with a neighbour"},
        {background, "contents = [50.0, -14]", 0, 1, "expects -2 events at the start values"},
        {background, "contents = [-101, 40.0]", 0, 1, "bin 0 (of 0 to 1): expects -91 events"},
        {background, "contents = [50.0, 0.0]", 0, 1, "expects 0 events at mu = 0"},
        // 55 + 12 - 1 at jes = 1 and nothing wrong; 12 + 40 - 93 at jes = -1
        {"down = [49.0, 38.5] }", "down = [49.0, -53.0] }", 0, 1, "at jes = -1"}};

    for (const Case& c : cases) {
        const Campaign campaign = parse_campaign(replaced(binned_campaign, c.what, c.by), "");
        const BinExpectations found = bin_expectations(campaign);

        INFO(c.by);
        CHECK(found.mistakes.size() == c.mistakes);
        CHECK(found.warnings.size() == c.warnings);
        const auto& told = c.mistakes > 0 ? found.mistakes : found.warnings;
        if (!told.empty()) CHECK_THAT(told.front(), Catch::Matchers::Contains(c.text));
    }
    // Nothing helps: 10 mu - 101 < 0 up to mu = 10, the end of its range.
    const std::string no_shape = replaced(binned_campaign, "up = [52.0, 41.0], down = [49.0, 38.5]",
                                          "up = [-101.0, 40.0], down = [-102.0, 40.0]");
    const auto never = bin_expectations(
        parse_campaign(replaced(no_shape, background, "contents = [-101, 40.0]"), ""));
    CHECK(never.mistakes.size() == 1);
    CHECK(never.warnings.empty());
    // No observed events: 0 expected ones are as good a model as any.
    const std::string empty =
        replaced(binned_campaign, "observed = [55, 48.5]", "observed = [55, 0]");
    CHECK(
        bin_expectations(parse_campaign(replaced(empty, background, "contents = [50.0, 0.0]"), ""))
            .warnings.empty());
}
