#include "ratiofarm/fit/fit.hpp"

#include <cmath>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/fit/scan.hpp"
#include "ratiofarm_test/catch.hpp"

#include "model_events.hpp"

using namespace ratiofarm;

namespace {

FitResult fit_of(const StatisticalModel& model,
                 const EventSet& events,
                 const FitOptions& options = {}) {
    return fit(Likelihood(model, test::data_of(events), test::one_rank), options, Log());
}

/// n events counted, s mu + b beta expected.
StatisticalModel counting_model(double s, double b) {
    const std::vector<std::string> names{"mu", "beta"};
    return {{{.name = "mu", .start = 0.4, .low = -5.0, .high = 20.0},
             {.name = "beta", .start = 1.0, .low = 0.1, .high = 4.0, .fixed = true}},
            {{"SR",
              {{"signal", s, Coefficient::parse("mu", names), {}},
               {"background", b, Coefficient::parse("beta", names), {}}}}},
            {},
            "mu"};
}

/// Two channels as two events with separate support: each process lives in one of them only.
EventSet two_channels(double n_signal, double n_background) {
    EventSet events;
    events.processes = {"signal", "background"};
    events.weight = {n_signal, n_background};
    events.log_r = {0.0, -1000.0, -1000.0, 0.0};
    events.total = 2;
    return events;
}

}  // namespace

TEST_CASE("a counting experiment has the textbook estimate and error", "[fit]") {
    // s = 10, b = 20, n = 30: H = s^2 / (s + b) = 10/3, var(mu) = 0.3.
    const StatisticalModel model = counting_model(10.0, 20.0);

    const FitResult result = fit_of(model, test::counting_event(model, 30.0));

    REQUIRE(result.converged);
    CHECK(result.parameters[0].value == Approx(1.0).epsilon(1e-9));
    CHECK(result.parameters[0].error * result.parameters[0].error == Approx(0.3).epsilon(1e-9));
    CHECK(result.parameters[1].fixed);
    CHECK(result.parameters[1].value == 1.0);
    CHECK(result.parameters[1].error == 0.0);
    CHECK(result.minima.size() == 1);
    CHECK(result.warnings.empty());
}

TEST_CASE("the interval ends where t is one", "[fit]") {
    const StatisticalModel model = counting_model(10.0, 20.0);

    const FitResult result = fit_of(model, test::counting_event(model, 30.0));

    // n ln(n / nu) + nu - n = 1/2, solved independently for nu at n = 30.
    const auto t = [](double nu) { return 2.0 * (nu - 30.0 - 30.0 * std::log(nu / 30.0)); };
    CHECK(t(20.0 + 10.0 * (1.0 - *result.parameters[0].error_low)) == Approx(1.0).epsilon(1e-8));
    CHECK(t(20.0 + 10.0 * (1.0 + *result.parameters[0].error_high)) == Approx(1.0).epsilon(1e-8));
}

TEST_CASE("two separate channels give two independent estimates", "[fit]") {
    StatisticalModel model = counting_model(10.0, 20.0);
    model.parameters[1].fixed = false;

    const FitResult result = fit_of(model, two_channels(17.0, 35.0));

    CHECK(result.parameters[0].value == Approx(1.7).epsilon(1e-9));
    CHECK(result.parameters[1].value == Approx(1.75).epsilon(1e-9));
    CHECK(result.parameters[0].error == Approx(std::sqrt(17.0) / 10.0).epsilon(1e-9));
    CHECK(result.parameters[1].error == Approx(std::sqrt(35.0) / 20.0).epsilon(1e-9));
    CHECK(std::abs(result.correlation[0][1]) < 1e-9);
    CHECK(result.correlation[1][1] == 1.0);
}

TEST_CASE("correlated estimates have the covariance of the closed form", "[fit]") {
    // Channel 1 sees mu s + beta b1, channel 2 beta b2 alone: mu-hat = (n1 - b1 n2 / b2) / s, so
    // var(mu) = (n1 + (b1 / b2)^2 n2) / s^2 and cov(mu, beta) = -b1 n2 / (s b2^2).
    StatisticalModel model = counting_model(10.0, 60.0);
    model.parameters[1].fixed = false;
    EventSet events = two_channels(31.0, 44.0);
    events.log_r = {0.0, std::log(20.0 / 60.0), -1000.0, std::log(40.0 / 60.0)};

    const FitResult result = fit_of(model, events);

    CHECK(result.parameters[0].value == Approx((31.0 - 22.0) / 10.0).epsilon(1e-9));
    CHECK(result.parameters[1].value == Approx(1.1).epsilon(1e-9));
    CHECK(result.covariance[0][0] == Approx((31.0 + 11.0) / 100.0).epsilon(1e-9));
    CHECK(result.covariance[0][1] == Approx(-20.0 * 44.0 / (10.0 * 1600.0)).epsilon(1e-9));
    CHECK(result.covariance[1][0] == Approx(result.covariance[0][1]).epsilon(1e-12));
}

TEST_CASE("an estimate that leaves its range stops at the end and says so", "[fit]") {
    StatisticalModel model = counting_model(10.0, 20.0);
    model.parameters[0].low = 0.0;
    model.parameters[1].fixed = false;

    // The mu channel is empty; beta is free of it.
    const FitResult result = fit_of(model, two_channels(0.0, 35.0));

    CHECK(result.converged);
    CHECK(result.parameters[0].value == 0.0);
    CHECK(result.parameters[0].at_bound);
    CHECK(result.parameters[0].error == 0.0);
    CHECK_FALSE(result.parameters[0].error_low.has_value());
    CHECK(*result.parameters[0].error_high == Approx(0.05).epsilon(1e-8));  // 2 * 10 mu = 1
    CHECK(result.parameters[1].error == Approx(std::sqrt(35.0) / 20.0).epsilon(1e-9));
    CHECK(result.warnings.size() == 1);
}

TEST_CASE("an upper end of the range works alike", "[fit]") {
    StatisticalModel model = counting_model(10.0, 20.0);
    model.parameters[0].high = 0.5;

    const FitResult result = fit_of(model, test::counting_event(model, 30.0));

    CHECK(result.parameters[0].value == 0.5);
    CHECK(result.parameters[0].at_bound);
    CHECK_FALSE(result.parameters[0].error_high.has_value());
    CHECK(result.parameters[0].error_low.has_value());
}

TEST_CASE("parameters that the events cannot tell apart are reported", "[fit]") {
    StatisticalModel model = counting_model(10.0, 20.0);
    model.parameters[1].fixed = false;

    const FitResult result = fit_of(model, test::counting_event(model, 30.0), {.interval = false});

    CHECK(result.converged);
    REQUIRE_FALSE(result.warnings.empty());
    CHECK(result.warnings.front().find("do not determine a combination") != std::string::npos);
}

TEST_CASE("no events at all push a signal to the lower end", "[fit]") {
    StatisticalModel model = counting_model(10.0, 20.0);
    model.parameters[0].low = 0.0;
    EventSet none;
    none.processes = {"signal", "background"};

    const FitResult result = fit_of(model, none);

    CHECK(result.converged);
    CHECK(result.parameters[0].value == 0.0);
    CHECK(result.guards.events == 0);
}

TEST_CASE("a start outside its range is refused", "[fit]") {
    StatisticalModel model = counting_model(10.0, 20.0);
    model.parameters[0].start = 30.0;

    CHECK_THROWS_AS(fit_of(model, test::counting_event(model, 30.0)), ConfigError);
}

TEST_CASE("every start of a model with two minima ends in one of them", "[fit]") {
    const StatisticalModel model = test::two_parameter_model();
    const EventSet events = test::random_events(model, 400);
    const Likelihood likelihood(model, test::data_of(events), test::one_rank);

    const FitResult result = fit(likelihood, {}, Log());

    REQUIRE(result.converged);
    const auto at =
        likelihood.evaluate(likelihood.coordinates().to_internal(result.minima.front().parameters));
    CHECK(at.nll == Approx(result.nll));
    for (std::size_t a = 0; a < 2; ++a) {
        if (!result.parameters[a].at_bound) CHECK(std::abs(at.gradient[a]) < 1e-4);
    }
    // A brute-force grid finds nothing deeper.
    for (double mu = 0.0; mu <= 10.0; mu += 0.1) {
        for (double beta = 0.1; beta <= 4.0; beta += 0.1) {
            const auto u = likelihood.coordinates().to_internal(std::vector{mu, beta});
            CHECK(likelihood.evaluate(u).nll >= result.nll - 1e-9);
        }
    }
}

TEST_CASE("a flat direction is named by its parameters with their shares", "[fit]") {
    // 10 mu + 20 beta is determined, 2 mu - beta is not: equal parts in units of 1 / sqrt(H_aa).
    StatisticalModel model = counting_model(10.0, 20.0);
    model.parameters[1].fixed = false;

    const FitResult result = fit_of(model, test::counting_event(model, 30.0), {.interval = false});

    REQUIRE(result.flat_directions.size() == 1);
    const auto& leading = result.flat_directions[0].leading;
    REQUIRE(leading.size() == 2);
    CHECK(std::abs(leading[0].share) == Approx(std::sqrt(0.5)).epsilon(1e-6));
    CHECK(leading[0].share * leading[1].share == Approx(-0.5).epsilon(1e-6));
    CHECK(std::isinf(result.condition_number));
}

TEST_CASE("the condition number is that of the correlations", "[fit]") {
    // Two channels, one of which sees both parameters: rho = -sqrt(a b) in closed form, and the
    // Hessian with unit diagonal has the eigenvalues 1 +- |h|, h = H01 / sqrt(H00 H11).
    StatisticalModel model = counting_model(10.0, 60.0);
    model.parameters[1].fixed = false;
    EventSet events = two_channels(31.0, 44.0);
    events.log_r = {0.0, std::log(20.0 / 60.0), -1000.0, std::log(40.0 / 60.0)};

    const FitResult result = fit_of(model, events);

    const double h00 = 100.0 / 31.0, h01 = 200.0 / 31.0, h11 = 400.0 / 31.0 + 1600.0 / 44.0;
    const double h = h01 / std::sqrt(h00 * h11);
    CHECK(result.condition_number == Approx((1.0 + h) / (1.0 - h)).epsilon(1e-6));
}

TEST_CASE("a parameter that nothing depends on stays, with a warning", "[fit]") {
    using Catch::Matchers::Contains;
    StatisticalModel model = counting_model(10.0, 20.0);
    model.parameters.push_back({.name = "unused", .start = 3.0});
    model.parameters.push_back({.name = "loose",
                                .start = 0.0,
                                .low = -5.0,
                                .high = 5.0,
                                .constraint = {.kind = Constraint::Kind::gaussian}});

    const FitResult result = fit_of(model, test::counting_event(model, 30.0));

    CHECK(result.converged);
    CHECK(result.parameters[0].value == Approx(1.0).epsilon(1e-9));
    CHECK(result.parameters[2].value == 3.0);
    CHECK(result.parameters[2].error == 0.0);
    CHECK(result.parameters[3].error == Approx(1.0).epsilon(1e-9));
    REQUIRE(result.warnings.size() == 2);
    CHECK_THAT(result.warnings[0], Contains("nothing depends on parameter 'unused'"));
    CHECK_THAT(result.warnings[1], Contains("'loose' appears only in its constraint"));
}

TEST_CASE("a parameter of interest that nothing depends on has a warning and no error", "[fit]") {
    StatisticalModel model = counting_model(10.0, 20.0);
    model.parameters[1].fixed = false;
    model.parameters.push_back({.name = "nu"});
    model.parameter_of_interest = "nu";

    const FitResult result = fit_of(model, two_channels(17.0, 35.0));

    CHECK(result.parameters[2].value == 1.0);
    CHECK(result.parameters[2].error == 0.0);
    CHECK_FALSE(result.parameters[2].error_high.has_value());
    CHECK(result.impacts.empty());
    CHECK(result.parameters[0].error > 0.0);
    CHECK_FALSE(result.warnings.empty());
}

TEST_CASE("with all parameters fixed the fit is one evaluation that says so", "[fit]") {
    using Catch::Matchers::Contains;
    StatisticalModel model = counting_model(10.0, 20.0);
    model.parameters[0].fixed = true;
    model.parameters[0].start = 0.7;

    const FitResult result = fit_of(model, test::counting_event(model, 30.0));

    CHECK(result.converged);
    CHECK(result.passes == 1);
    CHECK(result.parameters[0].value == 0.7);
    CHECK(result.nll == Approx(27.0 - 30.0 * std::log(27.0)).epsilon(1e-12));
    REQUIRE(result.warnings.size() == 2);
    CHECK_THAT(result.warnings[0], Contains("no parameter is free"));
    CHECK_THAT(result.warnings[1], Contains("'mu' is fixed"));
}

TEST_CASE("with the parameter of interest fixed the others are fitted", "[fit]") {
    StatisticalModel model = counting_model(10.0, 20.0);
    model.parameters[0].fixed = true;
    model.parameters[1].fixed = false;

    const FitResult result = fit_of(model, two_channels(17.0, 35.0));

    CHECK(result.parameters[0].value == 0.4);
    CHECK(result.parameters[1].value == Approx(1.75).epsilon(1e-9));
    CHECK(result.impacts.empty());
}

TEST_CASE("where the root of a parameter is near 0 its interval is the result", "[fit]") {
    // n events, 20 + 10 sqrt(mu) expected: u = sqrt(mu) has the error sqrt(n) / 10.
    StatisticalModel model = counting_model(10.0, 20.0);
    model.parameters[0].low = 0.0;
    model.parameters[0].high = 20.0;
    model.unbinned[0].processes[0].coefficient =
        Coefficient::parse("sqrt(mu)", std::vector<std::string>{"mu", "beta"});

    const FitResult near = fit_of(model, test::counting_event(model, 20.4));
    const FitResult far = fit_of(model, test::counting_event(model, 45.0));

    CHECK(near.parameters[0].value == Approx(0.04 * 0.04).epsilon(1e-6));
    CHECK(near.parameters[0].error == 0.0);
    CHECK(near.parameters[0].no_error == NoError::root);
    CHECK(near.impacts.empty());
    REQUIRE(near.parameters[0].error_high.has_value());
    const double nu =
        20.0 + 10.0 * std::sqrt(near.parameters[0].value + *near.parameters[0].error_high);
    CHECK(2.0 * (nu - 20.4 - 20.4 * std::log(nu / 20.4)) == Approx(1.0).epsilon(1e-6));
    CHECK(far.parameters[0].error == Approx(2.0 * 2.5 * std::sqrt(45.0) / 10.0).epsilon(1e-6));
}

TEST_CASE("events that fall below their floor along a scan are counted", "[fit]") {
    // The event of the background expects 20 (1 - 0.3 mu) of it: nothing beyond mu = 3.33.
    StatisticalModel model = counting_model(10.0, 20.0);
    model.unbinned[0].processes[1].coefficient =
        Coefficient::parse("1 - 0.3*mu", std::vector<std::string>{"mu", "beta"});
    const LikelihoodData data = test::data_of(two_channels(10.0, 14.0));
    const Likelihood likelihood(model, data, test::one_rank);

    const FitResult result = fit(likelihood, {}, Log());
    const auto points = scan(likelihood, result, std::vector{1.0, 3.0, 4.0});

    CHECK(result.guards.non_positive_mixture == 0);
    CHECK(points[1].below_floor == 0);
    CHECK(points[2].below_floor == 1);
    CHECK(points[2].t > 1e6);

    // No polynomial follows such a wall: beside it every point is a fit.
    std::vector<double> many;
    for (int k = 0; k < 61; ++k) many.push_back(1.0 + 0.05 * k);
    const auto near = scan(likelihood, result, many);
    const auto exact = scan(likelihood, result, many, {.tolerance = 0.0});
    for (std::size_t k = 0; k < many.size(); ++k) {
        CAPTURE(many[k]);
        CHECK(near[k].t == Approx(exact[k].t).epsilon(1e-4).margin(1e-4));
        CHECK(near[k].below_floor == exact[k].below_floor);
    }
}
