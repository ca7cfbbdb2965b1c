// What a binned campaign becomes in a workspace, modifier by modifier.
#include "pyhf/pyhf_export.hpp"

#include <cmath>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "pyhf/pyhf_import.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;
using nlohmann::ordered_json;

namespace {

using Kind = Constraint::Kind;

Coefficient product(const std::string& text, const std::vector<std::string>& parameters) {
    return text.empty() ? Coefficient::parse("1", parameters)
                        : Coefficient::parse(text, parameters);
}

/// Signal times mu over a background, three bins.
Campaign two_samples() {
    Campaign campaign;
    campaign.name = "counts";
    campaign.inference.poi = "mu";
    campaign.parameters = {{.name = "mu"}};
    BinnedRegionSection section;
    section.region.name = "SR";
    section.region.samples = {
        {.name = "S", .contents = {1.0, 2.0, 3.0}, .coefficient = product("mu", {"mu"})},
        {.name = "B", .contents = {50.0, 40.0, 0.0}, .coefficient = product("", {"mu"})}};
    section.observed = std::vector<double>{51.0, 43.0, 2.0};
    campaign.binned = {section};
    return campaign;
}

BinnedSample& sample(Campaign& campaign, std::size_t k) {
    return campaign.binned[0].region.samples[k];
}

Parameter alpha(const std::string& name) {
    return {.name = name,
            .start = 0.0,
            .low = -5.0,
            .high = 5.0,
            .constraint = {Kind::gaussian, 0.0, 1.0}};
}

Parameter gamma(const std::string& name, Kind kind, double width) {
    return {.name = name, .low = 1e-10, .constraint = {kind, 1.0, width}};
}

ordered_json modifiers(const Campaign& campaign, std::size_t of_sample) {
    return pyhf_from_campaign(campaign)["channels"][0]["samples"][of_sample]["modifiers"];
}

/// Entry of the measurement's parameters.
ordered_json configuration(const Campaign& campaign, const std::string& name) {
    const auto all = pyhf_from_campaign(campaign)["measurements"][0]["config"]["parameters"];
    for (const auto& entry : all) {
        if (entry.at("name") == name) return entry;
    }
    return {};
}

std::string refusal(const Campaign& campaign) {
    try {
        pyhf_from_campaign(campaign);
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("regions, samples, counts and the measurement keep their numbers", "[pyhf]") {
    const ordered_json workspace = pyhf_from_campaign(two_samples());

    CHECK(workspace["version"] == "1.0.0");
    CHECK(workspace["channels"][0]["name"] == "SR");
    CHECK(workspace["channels"][0]["samples"][0]["name"] == "S");
    CHECK(workspace["channels"][0]["samples"][1]["data"] == ordered_json({50.0, 40.0, 0.0}));
    CHECK(workspace["observations"][0]["name"] == "SR");
    CHECK(workspace["observations"][0]["data"] == ordered_json({51.0, 43.0, 2.0}));
    CHECK(workspace["measurements"][0]["name"] == "counts");
    CHECK(workspace["measurements"][0]["config"]["poi"] == "mu");
}

TEST_CASE("a parameter of a coefficient is a normfactor with its range", "[pyhf]") {
    Campaign campaign = two_samples();
    campaign.parameters[0] = {.name = "mu", .start = 0.5, .low = -2.0, .high = 7.0, .fixed = true};

    CHECK(modifiers(campaign, 0) ==
          ordered_json::parse(R"([{"name": "mu", "type": "normfactor", "data": null}])"));
    CHECK(modifiers(campaign, 1) == ordered_json::array());
    CHECK(configuration(campaign, "mu") ==
          ordered_json::parse(
              R"({"name": "mu", "inits": [0.5], "bounds": [[-2.0, 7.0]], "fixed": true})"));
}

TEST_CASE("yield and shape effects of one parameter are a normsys and a histosys", "[pyhf]") {
    Campaign campaign = two_samples();
    campaign.parameters.push_back(alpha("jes"));
    sample(campaign, 1).yields = {{"jes", {1.1, 0.85}, Interpolation::code4}};
    sample(campaign, 1).shapes = {{"jes", {52, 41, 0}, {48, 38, 0}, Interpolation::code4p}};

    CHECK(modifiers(campaign, 1) == ordered_json::parse(R"([
        {"name": "jes", "type": "normsys", "data": {"hi": 1.1, "lo": 0.85}},
        {"name": "jes", "type": "histosys",
         "data": {"hi_data": [52.0, 41.0, 0.0], "lo_data": [48.0, 38.0, 0.0]}}])"));
    CHECK(configuration(campaign, "jes").at("auxdata") == ordered_json({0.0}));
    CHECK(configuration(campaign, "jes").at("bounds") == ordered_json::parse("[[-5.0, 5.0]]"));
}

TEST_CASE("factors with Poisson constraints are a shapesys of absolute errors", "[pyhf]") {
    Campaign campaign = two_samples();
    campaign.parameters.push_back(gamma("dd_0", Kind::poisson, 0.1));
    campaign.parameters.push_back(gamma("dd_1", Kind::poisson, 0.25));
    campaign.parameters.back().constraint.observed = 1.5;
    sample(campaign, 1).factors = {{{"dd_0", "dd_1", ""}}};

    const ordered_json modifier = modifiers(campaign, 1).at(0);

    CHECK(modifier.at("type") == "shapesys");
    CHECK(modifier.at("data") == ordered_json({0.1 * 50.0, 0.25 * 40.0, 0.0}));
    const ordered_json auxdata = configuration(campaign, modifier.at("name")).at("auxdata");
    CHECK(auxdata[0].get<double>() == Approx(1.0 / (0.1 * 0.1)));
    CHECK(auxdata[1].get<double>() == Approx(1.5 / (0.25 * 0.25)));
}

TEST_CASE("errors of a staterror add in quadrature to the width of its factors", "[pyhf]") {
    Campaign campaign = two_samples();
    const std::vector<double> widths{0.02, 0.05, 0.3};
    BinFactors factors;
    for (std::size_t b = 0; b < 3; ++b) {
        factors.parameters.push_back("stat_" + std::to_string(b));
        campaign.parameters.push_back(gamma(factors.parameters.back(), Kind::gaussian, widths[b]));
    }
    sample(campaign, 0).factors = {factors};
    sample(campaign, 1).factors = {factors};

    const ordered_json of_s = modifiers(campaign, 0).at(1);
    const ordered_json of_b = modifiers(campaign, 1).at(0);

    CHECK(of_s.at("name") == of_b.at("name"));
    CHECK(of_s.at("type") == "staterror");
    for (std::size_t b = 0; b < 3; ++b) {
        const double nominal = sample(campaign, 0).contents[b] + sample(campaign, 1).contents[b];
        const double error =
            std::hypot(of_s["data"][b].get<double>(), of_b["data"][b].get<double>());
        CHECK(error / nominal == Approx(widths[b]).epsilon(1e-13));
        CHECK(of_s["data"][b] == of_b["data"][b]);
    }
}

TEST_CASE("free factors are a shapefactor, which has no constraint", "[pyhf]") {
    Campaign campaign = two_samples();
    for (const char* name : {"f_0", "f_1", "f_2"}) campaign.parameters.push_back({.name = name});
    sample(campaign, 1).factors = {{{"f_0", "f_1", "f_2"}}};

    const ordered_json modifier = modifiers(campaign, 1).at(0);

    CHECK(modifier.at("type") == "shapefactor");
    CHECK(modifier.at("data").is_null());
    CHECK_FALSE(configuration(campaign, modifier.at("name")).contains("auxdata"));
    CHECK(configuration(campaign, modifier.at("name")).at("inits").size() == 3);
}

TEST_CASE("labels are the names in the workspace", "[pyhf]") {
    Campaign campaign = two_samples();
    campaign.labels = {
        {{"mu", "signal strength"}}, {{"SR", "signal region"}}, {{"B", "t#bar{t}"}}, {}};

    const ordered_json workspace = pyhf_from_campaign(campaign);

    CHECK(workspace["channels"][0]["name"] == "signal region");
    CHECK(workspace["observations"][0]["name"] == "signal region");
    CHECK(workspace["channels"][0]["samples"][1]["name"] == "t#bar{t}");
    CHECK(workspace["channels"][0]["samples"][0]["modifiers"][0]["name"] == "signal strength");
    CHECK(workspace["measurements"][0]["config"]["poi"] == "signal strength");
}

TEST_CASE("factors without a label get names that no other modifier has", "[pyhf]") {
    Campaign campaign = two_samples();
    for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
        campaign.parameters.push_back(gamma(name, Kind::poisson, 0.1));
    }
    sample(campaign, 1).contents = {50.0, 40.0, 30.0};
    sample(campaign, 1).factors = {{{"a", "b", "c"}}, {{"d", "e", "f"}}};

    const ordered_json found = modifiers(campaign, 1);

    CHECK(found.at(0).at("name") == "SR_B_factors");
    CHECK(found.at(1).at("name") == "SR_B_factors_2");
}

TEST_CASE("what no modifier says is refused with its place", "[pyhf]") {
    const Campaign good = two_samples();
    Campaign root = good;
    sample(root, 0).coefficient = product("sqrt(mu)", {"mu"});
    Campaign constrained = good;
    constrained.parameters[0].constraint = {Kind::gaussian, 1.0, 0.1};
    Campaign wide = good;
    wide.parameters.push_back(alpha("jes"));
    wide.parameters.back().constraint.width = 2.0;
    sample(wide, 1).yields = {{"jes", {1.1, 0.9}, Interpolation::code4}};
    Campaign linear = wide;
    linear.parameters.back().constraint.width = 1.0;
    sample(linear, 1).yields[0].code = Interpolation::code1;
    Campaign mixed = good;
    mixed.parameters.push_back(gamma("g", Kind::gaussian, 0.1));
    mixed.parameters.push_back(gamma("p", Kind::poisson, 0.1));
    sample(mixed, 1).factors = {{{"g", "p", ""}}};
    Campaign some = good;
    some.parameters.push_back({.name = "free"});
    sample(some, 1).factors = {{{"free", "", ""}}};
    Campaign half = good;
    half.parameters.push_back(gamma("a", Kind::poisson, 0.1));
    half.parameters.push_back(gamma("b", Kind::poisson, 0.1));
    half.parameters.back().fixed = true;
    sample(half, 1).factors = {{{"a", "b", ""}}};

    CHECK(refusal(good).empty());
    CHECK_THAT(refusal(root), Contains("sample 'S': coefficient 'sqrt(mu)'"));
    CHECK_THAT(refusal(constrained), Contains("'mu' of the coefficient has a constraint"));
    CHECK_THAT(refusal(wide), Contains("'jes' must have a Gaussian constraint of width 1"));
    CHECK_THAT(refusal(linear), Contains("'jes' is not interpolated by code4"));
    CHECK_THAT(refusal(mixed), Contains("sample 'B': factors with different kinds"));
    CHECK_THAT(refusal(some), Contains("sample 'B': free factors on some bins only"));
    CHECK_THAT(refusal(half), Contains("some of its parameters are fixed and some are not"));
    CHECK_THAT(refusal(Campaign{}), Contains("no binned region"));
}

TEST_CASE("a workspace of a campaign is read back as the same bins and effects", "[pyhf]") {
    Campaign campaign = two_samples();
    campaign.parameters.push_back(alpha("jes"));
    campaign.parameters.push_back(gamma("dd_0", Kind::poisson, 0.1));
    campaign.parameters.push_back(gamma("dd_1", Kind::poisson, 0.25));
    campaign.labels.parameters = {{"dd_0", "dd[0]"}, {"dd_1", "dd[1]"}};
    sample(campaign, 1).yields = {{"jes", {1.1, 0.85}, Interpolation::code4}};
    sample(campaign, 1).factors = {{{"dd_0", "dd_1", ""}}};

    const Campaign again =
        campaign_from_pyhf(nlohmann::json::parse(pyhf_from_campaign(campaign).dump()),
                           {.measurement = "", .campaign = "counts"});

    CHECK(again.name == campaign.name);
    CHECK(again.inference.poi == "mu");
    REQUIRE(again.parameters.size() == 4);
    for (std::size_t a = 0; a < 4; ++a) {
        CHECK(again.parameters[a].name == campaign.parameters[a].name);
        CHECK(again.parameters[a].constraint.kind == campaign.parameters[a].constraint.kind);
        CHECK(again.parameters[a].constraint.width ==
              Approx(campaign.parameters[a].constraint.width));
        CHECK(again.parameters[a].low == campaign.parameters[a].low);
        CHECK(again.parameters[a].high == campaign.parameters[a].high);
    }
    const auto& samples = again.binned[0].region.samples;
    for (std::size_t k = 0; k < samples.size(); ++k) {
        CHECK(samples[k].contents == sample(campaign, k).contents);
        CHECK(samples[k].yields == sample(campaign, k).yields);
        CHECK(samples[k].factors == sample(campaign, k).factors);
        CHECK(samples[k].coefficient == sample(campaign, k).coefficient);
    }
    CHECK(again.binned[0].observed == campaign.binned[0].observed);
    CHECK(again.data.observed);
}
