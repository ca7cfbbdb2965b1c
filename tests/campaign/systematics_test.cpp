// [[systematic]], [[region]], [[morphing]] and constraints, from text to values and back.
#include <cmath>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "campaign/campaign.hpp"
#include "campaign/make_model.hpp"
#include "campaign/task_graph.hpp"

#include "example_campaign.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;
using test::replaced;

namespace {

/// A campaign that fits ratios alone.
const std::string fit_only = R"toml(
[campaign]
name = "fit"

[parameters.mu]
range = [0.0, 10.0]

[parameters.lumi]
constraint = "gaussian"
observed = 1.0
width = 0.02
group = "luminosity"

[[process]]
name = "S"
coefficient = "lumi*mu"

[[process]]
name = "B"
coefficient = "lumi"

[[systematic]]
name = "scale"
shape = ["S"]
yield = { S = { up = 1.10, down = 0.92 }, B = { up = 1.02, down = 0.97 } }
shape_code = "code2"

[[systematic]]
name = "theory"
parameter = "theory_1"
constraint = "none"
range = [-2, 2]
group = "theory"

[[region]]
name = "high"
ratios = "high.h5"
yield = { S = 7.5 }

[[region]]
name = "low"
ratios = "folder/low.h5"
shape_norm = "none"
)toml";

UnbinnedRegionInput region_input(const std::string& name) {
    return {name,
            {{"B", 100.0}, {"S", 10.0}},
            {{"S", "alpha_scale"}, {"B", "theory_1"}, {"S", "unknown"}},
            {{"B", "theory_1", {1.3, 0.8}}, {"S", "alpha_scale", {2.0, 0.5}}}};
}

std::string message_of(const std::string& toml) {
    try {
        parse_campaign(toml, ".");
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "no error";
}

}  // namespace

TEST_CASE("a campaign without events fits ratios that come from elsewhere", "[campaign]") {
    const Campaign campaign = parse_campaign(fit_only, "/campaigns");

    CHECK(!campaign.has_events());
    REQUIRE(campaign.parameters.size() == 4);
    CHECK(campaign.parameters[1] ==
          Parameter{
              "lumi", 1.0, 0.9, 1.1, false, {Constraint::Kind::gaussian, 1.0, 0.02}, "luminosity"});
    CHECK(campaign.parameters[2] ==
          Parameter{
              "alpha_scale", 0.0, -5.0, 5.0, false, {Constraint::Kind::gaussian, 0.0, 1.0}, ""});
    CHECK(campaign.parameters[3] == Parameter{"theory_1", 0.0, -2.0, 2.0, false, {}, "theory"});
    CHECK_THROWS_WITH(expect_trainable(campaign), Contains("no [events]"));
}

TEST_CASE("systematics read back from the resolved text", "[campaign]") {
    const std::string with_samples = replaced(
        fit_only, "shape = [\"S\"]", "shape = { S = { up = \"S_up\", down = \"S_down\" } }");
    const std::string nothing = replaced(fit_only, "shape = [\"S\"]", "shape = []");
    for (const std::string& text : {fit_only, with_samples, nothing}) {
        const Campaign campaign = parse_campaign(text, "/campaigns");

        const std::string resolved = campaign_toml(campaign);

        INFO(resolved);
        CHECK(parse_campaign(resolved, "/campaigns") == campaign);
        CHECK(campaign_toml(parse_campaign(resolved, "/campaigns")) == resolved);
    }
    const Campaign moved = with_absolute_paths(parse_campaign(fit_only, "/campaigns"));
    CHECK(moved.unbinned[1].ratios == "/campaigns/folder/low.h5");
    CHECK(moved.events.file.empty());
}

TEST_CASE("the model joins what campaign and ratio file say of a region", "[campaign]") {
    const Campaign campaign = parse_campaign(fit_only, "/campaigns");
    const std::vector<UnbinnedRegionInput> inputs{region_input("high"), region_input("low")};

    const StatisticalModel model = make_model(campaign, inputs);

    REQUIRE(model.unbinned.size() == 2);
    CHECK(model.unbinned[0].shape_norm == ShapeNorm::reference);
    CHECK(model.unbinned[1].shape_norm == ShapeNorm::none);
    const auto& [b, s] = std::tie(model.unbinned[0].processes[0], model.unbinned[0].processes[1]);
    CHECK(s.yield == 7.5);
    CHECK(model.unbinned[1].processes[1].yield == 10.0);
    // What the campaign declares comes before what the file offers.
    CHECK(s.systematics ==
          std::vector<SystematicEffect>{{"alpha_scale", Anchors{1.10, 0.92}, true,
                                         Interpolation::code4, Interpolation::code2}});
    CHECK(b.systematics ==
          std::vector<SystematicEffect>{{"alpha_scale", Anchors{1.02, 0.97}, false,
                                         Interpolation::code4, Interpolation::code2},
                                        {"theory_1", Anchors{1.3, 0.8}, true}});
}

TEST_CASE("a shape that the ratio file does not have is one clear error", "[campaign]") {
    const Campaign campaign = parse_campaign(fit_only, "/campaigns");
    std::vector<UnbinnedRegionInput> inputs{region_input("high.h5"), region_input("low.h5")};
    inputs[1].shapes.erase(inputs[1].shapes.begin());

    CHECK_THROWS_WITH(make_model(campaign, inputs),
                      Contains("'low.h5': systematic 'scale': there is no column log_g for process "
                               "'S' and parameter 'alpha_scale'"));
    inputs[1].processes.pop_back();
    inputs[0].processes.pop_back();
    inputs[1].shapes.clear();
    CHECK_THROWS_WITH(
        make_model(parse_campaign(replaced(fit_only, "yield = { S = 7.5 }", ""), ""), inputs),
        Contains("no process 'S' among the ratios"));
}

TEST_CASE("yields alone can be varied in a campaign that trains nets", "[campaign]") {
    const std::string yields =
        "[[systematic]]\nname = \"rate\"\nyield = { S = { up = 1.1, down = 0.9 } }\n";
    const auto text = [&](const std::string& more) {
        return replaced(test::example_toml, "[inference]", yields + more + "[inference]");
    };
    const Campaign campaign = parse_campaign(text(""), "/campaigns");

    const StatisticalModel model = make_model(campaign, test::example_samples());

    CHECK(model.unbinned[0].processes[0].systematics.at(0).yield == Anchors{1.1, 0.9});
    CHECK(model.unbinned[0].processes[1].systematics.empty());
    CHECK_NOTHROW(expect_trainable(campaign));
    CHECK_THROWS_WITH(
        expect_trainable(parse_campaign(text("shape = [\"S\"]\n"), "/campaigns")),
        Contains("systematic 'rate': no events show the shape of process 'S', so no net "
                 "can learn it") &&
            Contains("fit --ratios FILE"));
}

TEST_CASE("anchor points give the published coefficients", "[campaign]") {
    const Campaign campaign = parse_campaign(R"toml(
[campaign]
name = "vbf"
[parameters.mu]
range = [0, 20]
[parameters.kl]
range = [-5, 5]
[[process]]
name = "SBI1"
[[process]]
name = "SBI10"
[[process]]
name = "B"
[[process]]
name = "HH0"
[[process]]
name = "HH1"
[[process]]
name = "HH5"
[[morphing]]
amplitude = ["sqrt(mu)", "1"]
anchors = { SBI1 = { mu = 1 }, SBI10 = { mu = 10 }, B = { mu = 0 } }
[[morphing]]
terms = ["kl^2", "kl", "1"]
anchors = { HH0 = { kl = 0 }, HH1 = { kl = 1 }, HH5 = { kl = 5 } }
)toml",
                                             ".");
    const auto value = [&](const std::string& process, double mu, double kl) {
        double sum = 0.0;
        for (const auto& term : campaign.process(process).coefficient.terms) {
            double product = term.constant;
            for (const auto& factor : term.factors) {
                product *= std::pow(factor.parameter == "mu" ? mu : kl, factor.power);
            }
            sum += product;
        }
        return sum;
    };

    for (const double mu : {0.0, 0.3, 1.0, 4.0, 10.0, 17.0}) {
        const double k = (mu - std::sqrt(mu)) / (10.0 - std::sqrt(10.0));
        CHECK(value("SBI10", mu, 0) == Approx(k).margin(1e-13));
        CHECK(value("SBI1", mu, 0) == Approx(std::sqrt(mu) - std::sqrt(10.0) * k).margin(1e-13));
        CHECK(value("B", mu, 0) ==
              Approx(1.0 - std::sqrt(mu) - (1.0 - std::sqrt(10.0)) * k).margin(1e-13));
    }
    // Lagrange polynomials through the anchors.
    CHECK(value("HH0", 1, 2.5) == Approx((2.5 - 1.0) * (2.5 - 5.0) / 5.0));
    CHECK(value("HH1", 1, 2.5) == Approx(2.5 * (2.5 - 5.0) / -4.0));
    CHECK(value("HH5", 1, 2.5) == Approx(2.5 * (2.5 - 1.0) / 20.0));
}

TEST_CASE("mistakes of systematics, regions and morphing name key and advice", "[campaign]") {
    struct Mistake {
        std::string from;
        std::string to;
        std::string message;
    };
    const std::string morphing =
        "[[morphing]]\nterms = [\"mu\", \"1\"]\nanchors = { S = { mu = 1 }, B = { mu = 1 } }\n";
    const auto mistake = GENERATE_COPY(values<Mistake>({
        {"shape = [\"S\"]", "shape = [\"X\"]", "systematic.scale.shape = [\"X\"] (no such process"},
        {"shape = [\"S\"]", "shape = [\"S\", \"S\"]", "('S' is listed twice)"},
        {"shape = [\"S\"]", "shape = { S = { up = \"a\" } }",
         "systematic.scale.shape.S.down is missing (the sample varied the other way"},
        {"up = 1.10", "up = 0", "systematic.scale.yield.S.up = 0 (must be a number > 0"},
        {", down = 0.92", "", "systematic.scale.yield.S.down is missing (the factor on the yield"},
        {"\"code2\"", "\"code3\"", "systematic.scale.shape_code = \"code3\" (must be one of code0"},
        {"name = \"theory\"", "name = \"scale\"", "(another systematic has this name)"},
        {"\"theory_1\"", "\"alpha_scale\"",
         "systematic.theory.range = [-2, 2] (parameter 'alpha_scale' is described elsewhere"},
        {"name = \"theory\"\nparameter = \"theory_1\"", "name = \"a.b\"",
         "systematic.a.b (its parameter 'alpha_a.b' must be a name of letters, digits and _ only"},
        {"range = [-2, 2]", "range = [1, 2]",
         "systematic.theory.range = [1, 2] (must contain the default start 0.0)"},
        {"range = [-2, 2]", "width = 2", "systematic.theory.width = 2 (only for a parameter with"},
        {"width = 0.02", "width = 0", "parameters.lumi.width = 0 (must be a number > 0"},
        {"width = 0.02", "start = 3\nrange = [0, 2]",
         "parameters.lumi.range = [0, 2] (must contain start = 3.0)"},
        {"yield = { S = 7.5 }", "yield = { X = 7.5 }", "region.high.yield.X = 7.5 (no such"},
        {"name = \"low\"", "name = \"high\"", "region (two are called 'high')"},
        {"ratios = \"high.h5\"", "type = \"unbined\"",
         "region.high.type = \"unbined\" (must be one of unbinned, binned)"},
        {"ratios = \"high.h5\"", "ratio = \"high.h5\"",
         "region.high.ratio = \"high.h5\" (unknown key; did you mean 'ratios'?)"},
        {"[[region]]", "[[inference.scan]]\n[[region]]", "inference.scan"},
        {"coefficient = \"lumi*mu\"", "coefficient = \"lumi\"",
         "parameters.mu (nothing depends on it: use it in a coefficient, a systematic or a binned"},
        {"[[region]]", replaced(morphing, "B = { mu = 1 }", "B = {}") + "[[region]]",
         "process 'S' has a coefficient of its own"},
        {"coefficient = \"lumi*mu\"\n\n[[process]]\nname = \"B\"\ncoefficient = \"lumi\"",
         "\n[[process]]\nname = \"B\"\n" + morphing, "the anchors do not tell the terms apart"},
        {"[[region]]", "[[morphing]]\nterms = [\"mu\"]\nanchors = { S = {}, B = {} }\n[[region]]",
         "must be 1 processes, as many as there are terms"},
        {"[[region]]", "[data]\nobserved = true\n[[region]]",
         "data.observed = true (the events of the unbinned regions need sample"},
        {"[[region]]", "[network]\n[[region]]", "events.file is missing"},
    }));

    const std::string message = message_of(replaced(fit_only, mistake.from, mistake.to));

    CHECK_THAT(message, Contains(mistake.message));
}
