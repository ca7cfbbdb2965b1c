#include <cmath>

#include "ratiofarm/fit/fit.hpp"
#include "ratiofarm/fit/impacts.hpp"
#include "ratiofarm/fit/scan.hpp"
#include "ratiofarm_test/catch.hpp"

#include "model_events.hpp"

// Fits of bins whose minima are hidden: mirrored, at a kink, within a range, at no events.

using namespace ratiofarm;

namespace {

using Bins = std::vector<double>;

/// One region with a signal in proportion to mu; its background changes with one parameter.
StatisticalModel binned_model(const Bins& signal,
                              const Bins& background,
                              const std::string& nuisance) {
    const std::vector<std::string> names{"mu", nuisance};
    StatisticalModel model;
    model.parameters = {{.name = "mu"},
                        {.name = nuisance,
                         .start = 0.0,
                         .low = -5.0,
                         .high = 5.0,
                         .constraint = {.kind = Constraint::Kind::gaussian}}};
    model.binned = {
        {"SR",
         {{.name = "s", .contents = signal, .coefficient = Coefficient::parse("mu", names)},
          {.name = "b", .contents = background, .coefficient = Coefficient::parse("1", names)}}}};
    model.parameter_of_interest = "mu";
    return model;
}

/// Both sides of the resolution raise the first bin.
StatisticalModel mirrored_model() {
    StatisticalModel model = binned_model({0.0, 0.0, 20.0}, {100.0, 100.0, 100.0}, "jer");
    model.binned[0].samples[1].shapes = {{"jer", {130.0, 120.0, 120.0}, {130.0, 100.0, 80.0}}};
    return model;
}

Likelihood counted(const StatisticalModel& model, const Bins& observed) {
    return {model, {{}, {observed}}, test::one_rank};
}

double least_on_grid(const Likelihood& likelihood, double mu_low, double mu_high) {
    double least = HUGE_VAL;
    for (double mu = mu_low; mu <= mu_high; mu += 0.02) {
        for (double alpha = -3.0; alpha <= 3.0; alpha += 0.02) {
            least = std::min(least, likelihood.evaluate(std::vector{mu, alpha}).nll);
        }
    }
    return least;
}

}  // namespace

TEST_CASE("a minimum mirrored along a constrained parameter is found", "[fit]") {
    // pyhf 0.7.6 with L-BFGS-B from many starts: mu = 1.888, jer = -0.888, and 1.63 higher in
    // 2 NLL mu = 0.29, jer = 0.71.
    const Likelihood likelihood = counted(mirrored_model(), {130.0, 102.0, 120.0});

    const FitResult result = fit(likelihood, {}, Log());

    CHECK(result.converged);
    REQUIRE(result.minima.size() == 2);
    CHECK(result.parameters[0].value == Approx(1.888).margin(5e-4));
    CHECK(result.parameters[1].value == Approx(-0.888).margin(5e-4));
    CHECK(result.minima[1].parameters[1] == Approx(0.711).margin(5e-4));
    CHECK(2.0 * (result.minima[1].nll - result.nll) == Approx(1.63).margin(5e-3));
    CHECK(result.nll <= least_on_grid(likelihood, 0.0, 4.0));
}

TEST_CASE("a mirrored minimum is found with the parameter of interest fixed", "[fit]") {
    StatisticalModel model = mirrored_model();
    model.parameters[0].start = 1.888;
    model.parameters[0].fixed = true;
    const Likelihood likelihood = counted(model, {130.0, 102.0, 120.0});

    const FitResult result = fit(likelihood, {}, Log());

    CHECK(result.parameters[1].value < 0.0);
    CHECK(result.nll <= least_on_grid(likelihood, 1.888, 1.888));
}

TEST_CASE("a scan that comes below a minimum leads the fit to the deeper one", "[fit]") {
    const Likelihood likelihood = counted(mirrored_model(), {130.0, 102.0, 120.0});
    const FitResult missed = fit(likelihood, {.starts = 0, .interval = false}, Log());
    REQUIRE(missed.parameters[1].value > 0.0);
    std::vector<double> points;
    for (int k = -6; k <= 6; ++k) points.push_back(0.25 * k);

    const auto curve = scan(likelihood, missed, points, {.parameter = "jer"});
    const ScanPoint* deeper = deeper_point(curve);
    REQUIRE(deeper != nullptr);
    const FitResult found =
        fit(likelihood, {.starts = 0, .interval = false, .places = {deeper->parameters}}, Log());

    CHECK(found.parameters[1].value == Approx(-0.888).margin(5e-4));
    const auto again = scan(likelihood, found, points, {.parameter = "jer"});
    CHECK(deeper_point(again) == nullptr);
    for (const ScanPoint& point : again) CHECK(point.t >= 0.0);
}

TEST_CASE("the fit of a model with kinks ends in its deepest minimum", "[fit]") {
    for (const Bins& observed : {Bins{130.0, 102.0, 120.0}, Bins{100.0, 104.0, 96.0},
                                 Bins{82.0, 90.0, 121.0}, Bins{101.0, 80.0, 140.0}}) {
        StatisticalModel model = mirrored_model();
        model.binned[0].samples[1].shapes[0].code = Interpolation::code0;
        model.binned[0].samples[1].yields = {{"jer", {1.02, 1.12}, Interpolation::code1}};
        const Likelihood likelihood = counted(model, observed);

        const FitResult result = fit(likelihood, {}, Log());

        INFO(observed[0] << ": mu = " << result.parameters[0].value
                         << ", jer = " << result.parameters[1].value);
        CHECK(result.converged);
        CHECK(result.nll <= least_on_grid(likelihood, 0.0, 4.0) + 1e-9);
        CHECK(result.parameters[0].error_high.has_value());
        for (const ScanPoint& point : scan(likelihood, result, std::vector{0.0, 0.6, 1.4, 3.0})) {
            CHECK(point.converged);
            CHECK(result.nll + 0.5 * point.t <=
                  least_on_grid(likelihood, point.poi, point.poi) + 1e-9);
        }
    }
}

TEST_CASE("a parameter at a kink has an interval and no error, and says so", "[fit]") {
    using Catch::Matchers::Contains;
    // Each side adds events to a bin that has fewer than expected.
    StatisticalModel model = binned_model({10.0, 0.0}, {50.0, 100.0}, "os");
    model.binned[0].samples[1].shapes = {
        {"os", {50.0, 110.0}, {50.0, 108.0}, Interpolation::code0}};
    const Likelihood likelihood = counted(model, {62.0, 92.0});

    const FitResult result = fit(likelihood, {.intervals = {"os"}}, Log());

    CHECK(result.converged);
    CHECK(result.parameters[1].value == 0.0);
    CHECK_FALSE(std::signbit(result.parameters[1].value));
    CHECK(result.parameters[1].error == 0.0);
    CHECK(result.parameters[1].no_error == NoError::kink);
    // mu and os stand in different bins, so t is that of the second one in closed form.
    const auto t = [](double os, double slope) {
        const double nu = 100.0 + slope * std::abs(os);
        return os * os + 2.0 * (nu - 100.0 - 92.0 * std::log(nu / 100.0));
    };
    CHECK(t(*result.parameters[1].error_high, 10.0) == Approx(1.0).epsilon(1e-6));
    CHECK(t(*result.parameters[1].error_low, 8.0) == Approx(1.0).epsilon(1e-6));
    REQUIRE(result.impacts.size() == 1);
    CHECK(result.impacts[0].not_linear);
    CHECK_THAT(result.warnings.front(), Contains("'os' is at the kink"));
}

TEST_CASE("Asimov data leave a parameter at its kink with the error of a side", "[fit]") {
    StatisticalModel model = binned_model({10.0, 5.0}, {50.0, 100.0}, "os");
    model.parameters[0].start = 0.3;
    model.binned[0].samples[1].yields = {{"os", {1.3, 0.95}, Interpolation::code1}};

    const FitResult result = fit(counted(model, {60.0, 105.0}), {}, Log());

    CHECK(result.converged);
    CHECK(result.parameters[0].value == Approx(1.0).margin(1e-6));
    CHECK(result.parameters[1].value == Approx(0.0).margin(1e-6));
    CHECK(result.parameters[1].error > 0.1);
}

TEST_CASE("errors allow for what is not determined only within its range", "[fit]") {
    // 1e-6 events times k, with k in [0, 10], cannot matter: var(mu) = (n + (0.1 b)^2) / s^2.
    StatisticalModel model = binned_model({10.0}, {50.0}, "xs");
    model.parameters.push_back({.name = "k"});
    model.binned[0].samples[1].yields = {{"xs", {1.1, 0.9}}};
    model.binned[0].samples.push_back(
        {.name = "tiny",
         .contents = {1e-6},
         .coefficient = Coefficient::parse("k", std::vector<std::string>{"k"})});

    const FitResult result = fit(counted(model, {58.0}), {}, Log());

    CHECK(result.parameters[0].value == Approx(0.8).margin(1e-5));
    CHECK(result.parameters[0].error == Approx(std::sqrt(58.0 + 25.0) / 10.0).epsilon(2e-3));
    CHECK(result.parameters[2].error == 0.0);
    CHECK(result.parameters[2].no_error == NoError::undetermined);
}

TEST_CASE("an impact that first order does not tell is marked and refitted", "[fit]") {
    StatisticalModel model = binned_model({10.0, 20.0}, {100.0, 100.0}, "os");
    model.binned[0].samples[1].shapes = {{"os", {105.0, 103.0}, {105.0, 103.0}}};
    Likelihood likelihood = counted(model, {112.0, 121.0});

    FitResult result = fit(likelihood, {}, Log());
    refit_impacts(likelihood, result, result.impacts, Log());

    REQUIRE(result.impacts.size() == 1);
    CHECK(result.impacts[0].not_linear);
    CHECK(std::abs(*result.impacts[0].refit_up) > 0.1);
    CHECK(result.impacts[0].refit_up == Approx(*result.impacts[0].refit_down).epsilon(0.1));
}

TEST_CASE("a bin that expects less than no event is named with what to do", "[fit]") {
    using Catch::Matchers::Contains;
    const StatisticalModel model = binned_model({10.0, 2.0}, {55.0, -4.0}, "xs");
    const LikelihoodData data{{}, {{66.0, 2.0}}};
    const Likelihood likelihood(model, data, test::one_rank);

    const auto lines = likelihood.impossible_bins(std::vector{1.0, 0.0});

    REQUIRE(lines.size() == 1);
    CHECK_THAT(lines[0], Contains("region 'SR', bin 1 expects -2.0") &&
                             Contains("2.000000 were observed") && Contains("merge the bin"));
    CHECK_THROWS_WITH(likelihood.expected_data(data, std::vector{0.0, 0.0}),
                      Contains("region 'SR', bin 1 expects -4.0") && Contains("merge the bin"));
    CHECK(likelihood.impossible_bins(std::vector{3.0, 0.0}).empty());
}
