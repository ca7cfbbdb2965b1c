// Workspaces of pyhf: what they become, and that pyhf itself finds the same likelihood.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <random>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/fit/fit.hpp"
#include "ratiofarm/fit/likelihood.hpp"
#include "ratiofarm/fit/scan.hpp"
#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "core/publish.hpp"
#include "pyhf/hs3_export.hpp"
#include "pyhf/pyhf_export.hpp"
#include "pyhf/pyhf_file.hpp"
#include "pyhf/pyhf_import.hpp"
#include "tests/tables/run_python.hpp"

#include "pyhf_script.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;
using nlohmann::json;

namespace {

const std::string folder = RATIOFARM_SOURCE_DIR "/tests/fit/workspaces/";
const mpi::Communicator one_rank;

json workspace(const std::string& name) { return json::parse(read_text(folder + name + ".json")); }

struct Case {
    std::string name;
    bool defaults;  ///< pyhf's default interpolation, code4 and code4p; else code1 and code0
    double difference;
};

/// NLL at mu = 1.5 and every other free parameter 0.2 above its start, minus that at the start:
/// -logpdf of pyhf 0.7.6.
const std::vector<Case> cases{{"all_modifiers", true, 123.539627141485},
                              {"all_modifiers", false, 123.992594148385},
                              {"histosys_2bin", true, 20.9863754163173},
                              {"histosys_2bin", false, 20.7313884252433},
                              {"lumi_1bin", true, 19.7271046777185},
                              {"normsys_2bin", true, 19.0276947999935},
                              {"normsys_2bin", false, 18.9801978867429},
                              {"shapesys_1bin", true, 3.62906606578201},
                              {"shapesys_1bin_discovery", true, 2.41282023066427},
                              {"staterror_channels", true, 13.1229071935976},
                              {"two_channels", true, 79.9600224791964}};

Campaign imported(const json& spec, bool defaults = true) {
    return campaign_from_pyhf(
        spec, {.measurement = "",
               .campaign = "imported",
               .normsys = defaults ? Interpolation::code4 : Interpolation::code1,
               .histosys = defaults ? Interpolation::code4p : Interpolation::code0});
}

Likelihood likelihood_of(const Campaign& campaign) {
    StatisticalModel model{.parameters = campaign.parameters,
                           .unbinned = {},
                           .binned = {},
                           .parameter_of_interest = campaign.inference.poi};
    LikelihoodData data;
    for (const BinnedRegionSection& section : campaign.binned) {
        model.binned.push_back(section.region);
        data.binned.push_back(section.observed.value());
    }
    return Likelihood(std::move(model), data, one_rank);
}

/// Somewhere around the start: factors stay positive, effects go beyond their anchors.
std::vector<double> random_point(const Campaign& campaign, std::mt19937& random) {
    std::uniform_real_distribution<double> factor(-0.4, 0.6);
    std::uniform_real_distribution<double> alpha(-2.2, 2.2);
    std::vector<double> theta;
    for (const Parameter& parameter : campaign.parameters) {
        const bool effect =
            parameter.constraint.kind == Constraint::Kind::gaussian && parameter.low < -1.0;
        const double shift = effect ? alpha(random) : factor(random);
        const double value = parameter.fixed ? parameter.start : parameter.start + shift;
        theta.push_back(std::clamp(value, parameter.low, parameter.high));
    }
    return theta;
}

/// HS3 constrains parameters of normsys and histosys around 0 only.
Campaign with_standard_constraints(Campaign campaign) {
    for (Parameter& parameter : campaign.parameters) {
        const bool effect = parameter.constraint.width == 1.0 && parameter.low < -1.0;
        if (effect) parameter.constraint.observed = 0.0;
    }
    return campaign;
}

std::string error_of(const json& spec) {
    try {
        imported(spec);
    } catch (const DataError& error) {
        return error.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("a scan finds the branch where one sample's variation turns round", "[pyhf]") {
    const Likelihood likelihood = likelihood_of(imported(workspace("hidden_branch")));
    const FitResult best = fit(likelihood, {}, {});

    const std::vector<double> at{2.769, 3.323, 3.877, 4.431};

    const auto points = scan(likelihood, best, at);

    const std::vector<double> wanted{2.0933, 3.5925, 5.2336, 6.9467};  // README.md beside it
    REQUIRE(points.size() == wanted.size());
    for (std::size_t k = 0; k < wanted.size(); ++k) {
        CHECK(points[k].t == Approx(wanted[k]).margin(2e-3));
    }
}

TEST_CASE("the scan beside a fit is the profile where variations act alike on both sides",
          "[pyhf]") {
    struct Known {
        const char* name;
        double mu;
        double t;
    };
    for (const auto& [name, mu, t] :
         {Known{"grown_effect", 10.0, 6.5668}, Known{"grown_effect", 8.0, 4.0585},
          Known{"far_side", 2.9373179620457637, 19.0519},
          Known{"late_bend", 2.9754941252343388, 0.0971}}) {
        INFO(name << " at " << mu);
        const Likelihood likelihood = likelihood_of(imported(workspace(name)));
        const FitResult best = fit(likelihood, {}, {});
        const auto places = default_scan_points(likelihood.model(), best);

        const auto points = scan(likelihood, best, places);

        const auto found = std::find_if(points.begin(), points.end(), [&](const ScanPoint& point) {
            return std::abs(point.poi - mu) < 1e-4;
        });
        REQUIRE(found != points.end());
        CHECK(found->t == Approx(t).margin(1e-3));  // README.md beside it
    }
}

TEST_CASE("no polynomial leads across the place where two branches cross", "[pyhf]") {
    for (const char* name : {"crossing_branches", "hidden_branch"}) {
        INFO(name);
        const Likelihood likelihood = likelihood_of(imported(workspace(name)));
        const FitResult best = fit(likelihood, {}, {});
        const auto places = default_scan_points(likelihood.model(), best);

        const auto points = scan(likelihood, best, places);

        const auto exact = scan(likelihood, best, places, {.tolerance = 0.0});
        for (std::size_t k = 0; k < places.size(); ++k) {
            INFO(places[k]);
            CHECK(points[k].t == Approx(exact[k].t).margin(2e-3));
        }
    }
}

TEST_CASE("an imported workspace has pyhf's likelihood up to a constant", "[commands]") {
    for (const Case& c : cases) {
        const Campaign campaign = imported(workspace(c.name), c.defaults);
        const Likelihood likelihood = likelihood_of(campaign);
        auto theta = start_values(likelihood.model());
        const double at_start = likelihood.evaluate(theta).nll;
        for (std::size_t a = 0; a < theta.size(); ++a) {
            const Parameter& parameter = campaign.parameters[a];
            if (parameter.name == "mu") {
                theta[a] = 1.5;
            } else if (!parameter.fixed) {
                theta[a] += 0.2;
            }
        }

        INFO(c.name);
        CHECK(likelihood.evaluate(theta).nll - at_start == Approx(c.difference).epsilon(1e-11));
    }
}

TEST_CASE("pyhf and pyhs3 find the same likelihood, before and after import and export",
          "[commands]") {
    const test::TemporaryDirectory directory;
    std::mt19937 random(11);
    for (const Case& c : cases) {
        const std::string name = c.name + (c.defaults ? "" : "_linear");
        const Campaign campaign = imported(workspace(c.name), c.defaults);
        const Likelihood likelihood = likelihood_of(campaign);
        const Campaign standard = with_standard_constraints(campaign);
        const Likelihood of_standard = likelihood_of(standard);
        json points = json::array();
        for (int k = 0; k < 8; ++k) {
            const auto theta = random_point(campaign, random);
            json values;
            json parameters;
            for (std::size_t a = 0; a < theta.size(); ++a) {
                values[label_of(campaign.labels.parameters, campaign.parameters[a].name)] =
                    theta[a];
                parameters[campaign.parameters[a].name] = theta[a];
            }
            points.push_back({{"values", values},
                              {"parameters", parameters},
                              {"standard_nll", of_standard.evaluate(theta).nll},
                              {"nll", likelihood.evaluate(theta).nll}});
        }
        // A workspace cannot say how it is interpolated, so it is written with the defaults.
        const auto exported = pyhf_from_campaign(imported(workspace(c.name)));
        const auto exported_file = directory / (name + ".exported.json");
        std::ofstream(exported_file) << exported.dump();
        const auto hs3_file = directory / (name + ".hs3.json");
        std::ofstream(hs3_file) << hs3_from_campaign(standard).dump();
        const json settings{{"normsys", {{"interpcode", c.defaults ? "code4" : "code1"}}},
                            {"histosys", {{"interpcode", c.defaults ? "code4p" : "code0"}}}};
        std::ofstream(directory / (name + ".points.json")) << json{
            {"workspace", folder + c.name + ".json"},
            {"exported", exported_file.string()},
            {"hs3", hs3_file.string()},
            {"settings", settings},
            {"points", points}}.dump();
    }

    test::run_python(test::pyhf_script, (directory / "").string());
    test::run_python(test::pyhs3_script, (directory / "").string());
}

TEST_CASE("export undoes import", "[commands]") {
    std::mt19937 random(13);
    for (const Case& c : cases) {
        if (!c.defaults) continue;
        const Campaign first = imported(workspace(c.name));
        const Campaign second = imported(json::parse(pyhf_from_campaign(first).dump()));
        REQUIRE(second.parameters.size() == first.parameters.size());
        const Likelihood one = likelihood_of(first);
        const Likelihood two = likelihood_of(second);
        for (int k = 0; k < 3; ++k) {
            const auto theta = random_point(first, random);
            std::vector<double> same(theta.size());  // in the order of the other
            for (std::size_t a = 0; a < theta.size(); ++a) {
                same[parameter_index(two.model(), first.parameters[a].name)] = theta[a];
            }
            CHECK(one.evaluate(theta).nll == Approx(two.evaluate(same).nll).epsilon(1e-13));
        }
        CHECK(first.inference.poi == second.inference.poi);
        CHECK(first.labels == second.labels);
    }
}

TEST_CASE("an imported campaign reads back equal from its text", "[commands]") {
    for (const Case& c : cases) {
        const Campaign campaign = imported(workspace(c.name), c.defaults);
        const Campaign again = parse_campaign(campaign_toml(campaign), "");
        CHECK(again.parameters == campaign.parameters);
        CHECK(again.binned == campaign.binned);
        CHECK(again.labels == campaign.labels);
        CHECK(again.data.observed);
    }
}

TEST_CASE("names that are no identifiers are made so and kept as labels", "[commands]") {
    const Campaign campaign = imported(workspace("all_modifiers"));

    CHECK(campaign.binned[0].region.name == "SR_1");
    CHECK(label_of(campaign.labels.regions, "SR_1") == "SR 1");
    CHECK(campaign.binned[0].region.samples[0].name == "signal_new");
    CHECK(label_of(campaign.labels.parameters, "jet_energy") == "jet energy");
    CHECK(label_of(campaign.labels.parameters, "_2nd_norm") == "2nd norm");
    CHECK(label_of(campaign.labels.parameters, "stat_SR_2") == "stat SR[2]");
}

TEST_CASE("modifiers become the effects that pyhf documents", "[commands]") {
    const Campaign campaign = imported(workspace("all_modifiers"));
    const auto parameter = [&](const std::string& name) {
        const auto found = std::find_if(campaign.parameters.begin(), campaign.parameters.end(),
                                        [&](const Parameter& p) { return p.name == name; });
        REQUIRE(found != campaign.parameters.end());
        return *found;
    };
    // sqrt(0.4^2 + 3.0^2) / (5 + 50)
    CHECK(parameter("stat_SR_0").constraint.width == Approx(std::sqrt(9.16) / 55.0));
    CHECK(parameter("stat_SR_0").constraint.kind == Constraint::Kind::gaussian);
    CHECK(parameter("stat_CR_0").constraint.observed == 1.01);
    CHECK(parameter("dd_error_0").constraint.kind == Constraint::Kind::poisson);
    CHECK(parameter("dd_error_0").constraint.width == Approx(0.2));
    CHECK(parameter("dd_error_0").constraint.observed == Approx(24.0 / 25.0));
    CHECK(parameter("lumi").constraint == Constraint{Constraint::Kind::gaussian, 1.02, 0.025});
    CHECK(parameter("theory").start == 0.5);
    CHECK(parameter("theory").constraint.observed == 0.2);
    CHECK(parameter("mu").low == -5.0);
    CHECK(parameter("_2nd_norm").fixed);
    CHECK(parameter("free_shape_1").constraint.kind == Constraint::Kind::none);
    // No yield, or no uncertainty: no factor.
    const auto& samples = campaign.binned[0].region.samples;
    CHECK(samples[2].factors == std::vector<BinFactors>{{{"dd_error_0", "", "dd_error_2"}}});
    CHECK(campaign.binned[1].region.samples[0].factors ==
          std::vector<BinFactors>{{{"stat_CR_0", "", "stat_CR_2"}}});
    CHECK(samples[0].coefficient.text() == "lumi*mu");
}

TEST_CASE("a measurement may configure how often an uncertainty was counted", "[commands]") {
    json spec = workspace("shapesys_1bin");
    spec["measurements"][0]["config"]["parameters"] = {
        {{"name", "uncorr_bkguncrt"}, {"factors", {16.0}}, {"auxdata", {20.0}}}};

    const Parameter gamma = imported(spec).parameters[1];

    CHECK(gamma.constraint.width == 0.25);
    CHECK(gamma.constraint.observed == 1.25);
}

TEST_CASE("a workspace without the parameter of interest needs another one", "[commands]") {
    json spec = workspace("normsys_2bin");
    spec["measurements"][0]["config"]["poi"] = "";
    const std::string alpha = "xs";
    spec["channels"][0]["samples"][0]["modifiers"] = {
        {{"name", alpha}, {"type", "normsys"}, {"data", {{"hi", 1.1}, {"lo", 0.9}}}}};

    const Campaign campaign =
        campaign_from_pyhf(spec, {.measurement = "", .poi = alpha, .campaign = "background"});

    CHECK_THAT(error_of(spec), Contains("the parameter of interest is ''") && Contains("--poi"));
    CHECK(campaign.inference.poi == alpha);
    CHECK(parse_campaign(campaign_toml(campaign), "").inference.poi == alpha);
    CHECK_THROWS_WITH(campaign_from_pyhf(spec, {.measurement = "other", .campaign = "x"}),
                      Contains("no measurement 'other'"));
}

TEST_CASE("a patch and a patch set change the workspace first", "[commands]") {
    const json before = workspace("shapesys_1bin");
    const json patch = json::parse(
        R"([{"op": "replace", "path": "/channels/0/samples/0/data", "value": [17.0]}])");
    const json set{{"patches", {{{"metadata", {{"name", "point A"}}}, {"patch", patch}}}}};

    CHECK(imported(patched(before, patch, "")).binned[0].region.samples[0].contents ==
          std::vector<double>{17.0});
    CHECK(patched(before, set, "point A") == patched(before, patch, ""));
    CHECK_THROWS_WITH(patched(before, set, "B"), Contains("'point A'"));
    CHECK_THROWS_WITH(patched(before, json::parse(R"([{"op": "remove", "path": "/nothing"}])"), ""),
                      Contains("does not apply"));
}

TEST_CASE("HS3 says which parts it has no words for", "[commands]") {
    Campaign campaign = imported(workspace("all_modifiers"));
    campaign.binned[1].observed.reset();
    campaign.binned[0].region.samples[0].yields[0].code = Interpolation::code0;

    CHECK_THROWS_WITH(hs3_from_campaign(campaign),
                      Contains("'theory' must have a Gaussian constraint of width 1 around 0") &&
                          Contains("region 'CR': observed is missing") &&
                          Contains("'jet_energy' is not interpolated by code1 or code4"));
}

TEST_CASE("HS3 has any coefficient, edges of bins, and names what it leaves out", "[commands]") {
    Campaign campaign = imported(workspace("normsys_2bin"));
    campaign.parameters[0].low = 0.0;
    const std::vector<std::string> known{campaign.parameters[0].name};
    campaign.binned[0].region.samples[0].coefficient =
        Coefficient::parse(known[0] + "^2 - 0.5*" + known[0] + "^1.5", known);
    campaign.binned[0].edges = {0.0, 10.0, 30.0};
    campaign.binned[0].observable = "mass";
    campaign.unbinned.emplace_back();

    const auto hs3 = hs3_from_campaign(campaign);

    CHECK(hs3["functions"][0]["type"] == "generic_function");
    const std::string text = hs3["functions"][0]["expression"];
    CHECK_THAT(text, Contains("(1)*" + known[0] + "*" + known[0]) &&
                         Contains("(-0.5)*" + known[0] + "*sqrt(" + known[0] + ")"));
    CHECK(hs3["data"][0]["axes"][0]["edges"] == nlohmann::ordered_json({0.0, 10.0, 30.0}));
    CHECK(hs3["misc"]["ratiofarm"]["unbinned_regions_left_out"][0] == "SR");
}

TEST_CASE("what a workspace cannot say is told all at once", "[commands]") {
    Campaign campaign = imported(workspace("all_modifiers"), false);
    campaign.binned[1].observed.reset();
    campaign.binned[0].region.samples[3].coefficient =
        Coefficient::parse("2 + mu", std::vector<std::string>{"mu"});

    CHECK_THROWS_WITH(pyhf_from_campaign(campaign),
                      Contains("not interpolated by code4 ") && Contains("code4p") &&
                          Contains("region 'CR': observed is missing") &&
                          Contains("sample 'empty': coefficient '2 + mu'"));
}
