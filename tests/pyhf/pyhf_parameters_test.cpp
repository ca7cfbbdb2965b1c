// Parameters of a workspace as its modifiers declare them and its measurement configures them.
#include "pyhf/pyhf_parameters.hpp"

#include <cmath>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;
using Catch::Matchers::Contains;
using nlohmann::json;

namespace {

using Default = PyhfParameters::Default;
using Kind = Constraint::Kind;

PyhfParameters configured_by(const json& parameters) {
    const json measurement{{"name", "m"}, {"config", {{"poi", "mu"}, {"parameters", parameters}}}};
    return PyhfParameters(measurement);
}

const Default alpha{
    .start = 0.0, .low = -5.0, .high = 5.0, .constraint = {Kind::gaussian, 0.0, 1.0}};

/// Of a shapesys whose bin has 1 / width^2 events.
Default gamma_of(double width) { return {.low = 1e-10, .constraint = {Kind::poisson, 1.0, width}}; }

}  // namespace

TEST_CASE("a parameter has pyhf's defaults where the measurement is silent", "[pyhf]") {
    PyhfParameters parameters = configured_by(json::array());

    CHECK(parameters.declare("mu", PyhfKind::normfactor, {{}}) == std::vector<std::string>{"mu"});
    parameters.declare("jes", PyhfKind::alpha, {alpha});

    const auto found = parameters.parameters();
    REQUIRE(found.size() == 2);
    CHECK(found[0] == Parameter{.name = "mu", .start = 1.0, .low = 0.0, .high = 10.0});
    CHECK(found[1] == Parameter{.name = "jes",
                                .start = 0.0,
                                .low = -5.0,
                                .high = 5.0,
                                .constraint = {Kind::gaussian, 0.0, 1.0}});
    CHECK(parameters.parameter_of_interest("") == "mu");
    CHECK(parameters.parameter_of_interest("jes") == "jes");
}

TEST_CASE("the measurement configures start, range, constraint and whether it is fixed", "[pyhf]") {
    PyhfParameters parameters = configured_by({{{"name", "jes"},
                                                {"inits", {0.5}},
                                                {"bounds", {{-3.0, 4.0}}},
                                                {"auxdata", {0.25}},
                                                {"sigmas", {2.0}},
                                                {"fixed", true}}});

    parameters.declare("jes", PyhfKind::alpha, {alpha});

    CHECK(parameters.parameters().front() == Parameter{.name = "jes",
                                                       .start = 0.5,
                                                       .low = -3.0,
                                                       .high = 4.0,
                                                       .fixed = true,
                                                       .constraint = {Kind::gaussian, 0.25, 2.0}});
}

TEST_CASE("each bin of a modifier takes its own entry of the configuration", "[pyhf]") {
    PyhfParameters parameters = configured_by({{{"name", "dd"},
                                                {"inits", {1.1, 1.2, 1.3}},
                                                {"bounds", {{0.1, 2.0}, {0.2, 3.0}, {0.3, 4.0}}}}});

    const auto names =
        parameters.declare("dd", PyhfKind::shapesys, {gamma_of(0.1), gamma_of(0.2), gamma_of(0.3)});

    CHECK(names == std::vector<std::string>{"dd_0", "dd_1", "dd_2"});
    const auto found = parameters.parameters();
    for (std::size_t b = 0; b < 3; ++b) {
        const auto x = static_cast<double>(b + 1);
        CHECK(found[b].start == Approx(1.0 + 0.1 * x));
        CHECK(found[b].low == Approx(0.1 * x));
        CHECK(found[b].high == Approx(1.0 + x));
        CHECK(found[b].constraint.width == Approx(0.1 * x));
    }
}

TEST_CASE("counts of a Poisson constraint become relative: width 1/sqrt(n), observed m/n",
          "[pyhf]") {
    const double n = 16.0;
    const double m = 20.0;
    PyhfParameters by_default = configured_by({{{"name", "dd"}, {"auxdata", {m}}}});
    PyhfParameters by_factor =
        configured_by({{{"name", "dd"}, {"factors", {n}}, {"auxdata", {m}}}});
    PyhfParameters silent = configured_by({{{"name", "dd"}, {"factors", {n}}}});

    by_default.declare("dd", PyhfKind::shapesys, {gamma_of(1.0 / std::sqrt(n))});
    by_factor.declare("dd", PyhfKind::shapesys, {gamma_of(0.5)});
    silent.declare("dd", PyhfKind::shapesys, {gamma_of(0.5)});

    for (const PyhfParameters* parameters : {&by_default, &by_factor}) {
        const Constraint constraint = parameters->parameters().front().constraint;
        CHECK(constraint.width == Approx(1.0 / std::sqrt(n)));
        CHECK(constraint.observed == Approx(m / n));
    }
    CHECK(silent.parameters().front().constraint.observed == 1.0);
}

TEST_CASE("a bin that has no factor is left out, unless it stands elsewhere than at 1", "[pyhf]") {
    Default idle = gamma_of(1.0);
    idle.active = false;
    PyhfParameters silent = configured_by(json::array());
    PyhfParameters moved = configured_by({{{"name", "dd"}, {"inits", {1.0, 1.5}}}});

    CHECK(silent.declare("dd", PyhfKind::shapesys, {gamma_of(0.1), idle}) ==
          std::vector<std::string>{"dd_0", ""});
    CHECK(moved.declare("dd", PyhfKind::shapesys, {idle, idle}) ==
          std::vector<std::string>{"", "dd_1"});

    const Parameter held = moved.parameters().front();
    CHECK(held.start == 1.5);
    CHECK(held.fixed);
    CHECK(held.constraint == Constraint{});
    CHECK(silent.parameters().size() == 1);
}

TEST_CASE("a modifier that is used again has the same parameters", "[pyhf]") {
    PyhfParameters parameters = configured_by(json::array());
    const auto first = parameters.declare("jes", PyhfKind::alpha, {alpha});

    CHECK(parameters.declare("jes", PyhfKind::alpha, {alpha}) == first);
    CHECK(parameters.parameters().size() == 1);
}

TEST_CASE("a modifier whose name can stay keeps it from those that are changed", "[pyhf]") {
    const json measurement{{"name", "m"},
                           {"config", {{"poi", "mu"}, {"parameters", json::array()}}}};
    PyhfParameters parameters(measurement, {"JES #1", "JES_1"});

    CHECK(parameters.declare("JES #1", PyhfKind::alpha, {alpha}).front() == "JES_1_2");
    CHECK(parameters.declare("JES_1", PyhfKind::alpha, {alpha}).front() == "JES_1");
    CHECK(label_of(parameters.labels(), "JES_1_2") == "JES #1");
    CHECK(label_of(parameters.labels(), "JES_1") == "JES_1");
}

TEST_CASE("the parameter of interest is a factor that some modifier declares", "[pyhf]") {
    PyhfParameters none = configured_by(json::array());
    PyhfParameters per_bin = configured_by(json::array());
    per_bin.declare("mu", PyhfKind::shapefactor, {{}, {}});

    CHECK_THROWS_WITH(none.parameter_of_interest(""),
                      Contains("measurement 'm'") && Contains("'mu'") && Contains("--poi"));
    CHECK_THROWS_AS(per_bin.parameter_of_interest(""), DataError);
    per_bin.declare("xs", PyhfKind::alpha, {alpha});
    CHECK_THROWS_WITH(per_bin.parameter_of_interest("xd"), Contains("known are xs"));
}
