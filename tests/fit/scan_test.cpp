#include "ratiofarm/fit/scan.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/fit/fit.hpp"
#include "ratiofarm_test/catch.hpp"

#include "model_events.hpp"

using namespace ratiofarm;

TEST_CASE("scan points cover mu-hat and its errors, inside the range", "[fit]") {
    const StatisticalModel model = test::interference_model();
    FitResult result;
    result.parameters = {{"mu", 1.0, 0.4, false, false, {}, {}}};

    const auto points = default_scan_points(model, result, 11);

    CHECK(points.size() == 11);
    CHECK(points.front() == 0.0);  // 1 - 3.5 * 0.4 is outside
    CHECK(points.back() == Approx(2.4));
    CHECK(std::is_sorted(points.begin(), points.end()));
    CHECK(std::find(points.begin(), points.end(), 1.0) != points.end());
}

TEST_CASE("scan points cover the range where the error is unknown", "[fit]") {
    const StatisticalModel model = test::interference_model();
    FitResult result;
    result.parameters = {{"mu", 0.0, 0.0, false, true, {}, {}}};

    const auto points = default_scan_points(model, result, 5);

    CHECK(points == std::vector<double>{0.0, 2.5, 5.0, 7.5, 10.0});
}

TEST_CASE("scan points come back in the order they were given", "[fit]") {
    const Likelihood likelihood(test::interference_model(), test::data_of(test::grid_events()),
                                test::one_rank);
    const FitResult result = fit(likelihood, {.interval = false}, Log());
    const std::vector<double> points{3.0, 0.5, 1.0, 2.0, 0.0};

    const auto curve = scan(likelihood, result, points);

    for (std::size_t k = 0; k < points.size(); ++k) {
        CHECK(curve[k].poi == points[k]);
        CHECK(curve[k].converged);
        CHECK(curve[k].t ==
              Approx(scan(likelihood, result, std::vector{points[k]}).front().t).margin(1e-9));
    }
    CHECK(std::abs(curve[2].t) < 1e-9);
}

TEST_CASE("a scan outside the range is refused", "[fit]") {
    const Likelihood likelihood(test::interference_model(), test::data_of(test::grid_events()),
                                test::one_rank);
    const FitResult result = fit(likelihood, {.interval = false}, Log());

    CHECK_THROWS_AS(scan(likelihood, result, std::vector{-0.1}), ConfigError);
}

TEST_CASE("a profile is never above the likelihood at the fitted other parameters", "[fit]") {
    const StatisticalModel model = test::two_parameter_model();
    const Likelihood likelihood(model, test::data_of(test::random_events(model, 2000)),
                                test::one_rank);
    const FitResult result = fit(likelihood, {}, Log());

    for (const auto& point : scan(likelihood, result, default_scan_points(model, result, 9))) {
        const std::vector<double> fixed{point.poi, result.parameters[1].value};
        const auto u = likelihood.coordinates().to_internal(fixed);
        CHECK(point.converged);
        CHECK(point.t >= -1e-9);
        CHECK(point.t <= 2.0 * (likelihood.evaluate(u).nll - result.nll) + 1e-9);
    }
}

TEST_CASE("higher levels give the intervals of more standard deviations", "[fit]") {
    const Likelihood likelihood(test::interference_model(), test::data_of(test::grid_events()),
                                test::one_rank);
    const FitResult result = fit(likelihood, {.interval = false}, Log());

    for (const double level : {0.01, 1.0, 4.0, 50.0, 59.0}) {
        const Interval ends = interval(likelihood, result, level);
        REQUIRE(ends.low.has_value());
        REQUIRE(ends.high.has_value());
        for (const auto& p : scan(likelihood, result, std::vector{*ends.low, *ends.high})) {
            CHECK(p.t == Approx(level).epsilon(1e-8));
        }
    }
    // t(0) = 59.697: beyond it the interval is open below.
    CHECK_FALSE(interval(likelihood, result, 60.0).low.has_value());
}
