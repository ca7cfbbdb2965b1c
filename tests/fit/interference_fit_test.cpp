// The fit of the interference model with exact ratios, against its golden numbers.

#include <cmath>
#include <utility>

#include "ratiofarm/fit/fit.hpp"
#include "ratiofarm/fit/scan.hpp"
#include "ratiofarm/physics/process_rates.hpp"
#include "ratiofarm_test/catch.hpp"

#include "model_events.hpp"

using namespace ratiofarm;

namespace {

struct GoldenPoint {
    double mu;
    double full;
    double rate_only;
};
constexpr std::array golden{
    GoldenPoint{0.0, 59.69725570, 43.70730104}, GoldenPoint{0.1, 20.21658357, 15.19177932},
    GoldenPoint{0.25, 8.58281926, 6.56846812},  GoldenPoint{0.5, 2.20571256, 1.69206480},
    GoldenPoint{0.8, 0.22125182, 0.16020884},   GoldenPoint{1.2, 0.14672066, 0.08567321},
    GoldenPoint{1.5, 0.76645241, 0.33849082},   GoldenPoint{2.0, 2.70881117, 0.60420900},
    GoldenPoint{3.0, 11.31621238, 0.23976334},  GoldenPoint{4.0, 28.36495881, 0.11560048}};

}  // namespace

TEST_CASE("Asimov data on a grid give the exact estimate, error and interval", "[fit][golden]") {
    const Likelihood likelihood(test::interference_model(), test::data_of(test::grid_events()),
                                test::one_rank);

    const FitResult result = fit(likelihood, {}, Log());

    REQUIRE(result.converged);
    const FittedParameter& mu = result.parameters[0];
    CHECK(mu.value == Approx(1.0).margin(1e-9));
    CHECK(mu.error == Approx(0.4775850153).margin(1e-9));
    CHECK(1.0 / (mu.error * mu.error) == Approx(4.3842833703).margin(1e-8));
    CHECK(mu.value - *mu.error_low == Approx(0.62525881).margin(1e-8));
    CHECK(mu.value + *mu.error_high == Approx(1.58052347).margin(1e-8));
    CHECK(result.minima.size() == 1);
    CHECK(result.edm < 1e-16);
    CHECK(result.warnings.empty());
}

TEST_CASE("the estimate does not depend on the start", "[fit][golden]") {
    for (const double start : {0.0, 0.01, 0.3, 2.0, 5.0, 10.0}) {
        const Likelihood likelihood(test::interference_model(start),
                                    test::data_of(test::grid_events()), test::one_rank);
        const FitResult result = fit(likelihood, {.starts = 0}, Log());
        CHECK(result.converged);
        CHECK(result.parameters[0].value == Approx(1.0).margin(1e-8));
    }
}

TEST_CASE("t of the full likelihood is the golden curve", "[fit][golden]") {
    const Likelihood likelihood(test::interference_model(), test::data_of(test::grid_events()),
                                test::one_rank);
    const FitResult result = fit(likelihood, {}, Log());
    for (const auto& point : golden) {
        const double t = scan(likelihood, result, std::vector{point.mu}).front().t;
        CHECK(t == Approx(point.full).margin(2e-8));
    }
}

TEST_CASE("the rate alone has two exactly degenerate minima and both are found", "[fit][golden]") {
    const StatisticalModel model = test::interference_model();
    const ModelDensities exact(test::golden_model);
    const EventSet event = test::counting_event(model, exact.yield(SimulatedSample::combined));
    const Likelihood likelihood(model, test::data_of(event), test::one_rank);

    const FitResult result = fit(likelihood, {}, Log());

    REQUIRE(result.minima.size() == 2);
    CHECK(result.minima[0].parameters[0] == Approx(1.0).margin(1e-6));
    const double root = -exact.interference_yield() / 100.0 - 1.0;
    CHECK(result.minima[1].parameters[0] == Approx(root * root).margin(1e-6));
    CHECK(result.minima[1].parameters[0] == Approx(3.6446).margin(1e-4));
    CHECK(result.minima[1].nll == Approx(result.minima[0].nll).margin(1e-9));
    CHECK(result.warnings.size() == 1);
    for (const auto& point : golden) {
        const double t = scan(likelihood, result, std::vector{point.mu}).front().t;
        CHECK(t == Approx(point.rate_only).margin(2e-8));
    }
}

TEST_CASE("of two equally deep minima the one nearest to the start is the result", "[fit]") {
    const ModelDensities exact(test::golden_model);
    const StatisticalModel model = test::interference_model(4.0);
    const EventSet event = test::counting_event(model, exact.yield(SimulatedSample::combined));

    const FitResult result =
        fit(Likelihood(model, test::data_of(event), test::one_rank), {}, Log());

    CHECK(result.parameters[0].value == Approx(3.6446).margin(1e-4));
    CHECK(result.minima.size() == 2);
}

TEST_CASE("Asimov data at other values of mu are fitted back", "[fit][golden]") {
    for (const double truth : {0.0, 0.04, 0.5, 3.0, 9.0}) {
        const Likelihood likelihood(test::interference_model(),
                                    test::data_of(test::grid_events(truth)), test::one_rank);
        const FitResult result = fit(likelihood, {}, Log());
        CHECK(result.converged);
        CHECK(result.parameters[0].value == Approx(truth).margin(1e-6));
    }
}

TEST_CASE("a common factor on the yields can be fitted beside mu", "[fit]") {
    // kappa multiplies everything: its estimate is one, and mu's error cannot shrink.
    StatisticalModel model = test::interference_model();
    const std::vector<std::string> names{"mu", "kappa"};
    model.parameters.push_back({.name = "kappa", .start = 1.3, .low = 0.2, .high = 3.0});
    for (auto& process : model.unbinned[0].processes) {
        process.coefficient =
            Coefficient::parse("kappa * (" + process.coefficient.text() + ")", names);
    }

    const Likelihood likelihood(model, test::data_of(test::grid_events()), test::one_rank);
    const FitResult result = fit(likelihood, {}, Log());

    CHECK(result.parameters[0].value == Approx(1.0).margin(1e-7));
    CHECK(result.parameters[1].value == Approx(1.0).margin(1e-7));
    CHECK(result.parameters[0].error > 0.4775850153);
    // Profiling at mu = 2 by hand: kappa-hat = n / nu(2), and the shape alone decides.
    const ScanPoint point = scan(likelihood, result, std::vector{2.0}).front();
    double nu = 0.0;
    for (const double rate : rates_at(model, model.unbinned[0], std::vector{2.0, 1.0})) nu += rate;
    const double n = ModelDensities(test::golden_model).yield(SimulatedSample::combined);
    CHECK(point.parameters[1] == Approx(n / nu).margin(1e-7));
    CHECK(point.t == Approx(2.70881117 - 0.60420900).margin(1e-7));
}
