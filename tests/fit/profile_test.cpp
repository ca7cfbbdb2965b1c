// What scans and intervals cost, and that the cheap way gives the numbers of the dear one.

#include <cmath>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/fit/fit.hpp"
#include "ratiofarm/fit/scan.hpp"
#include "ratiofarm_test/catch.hpp"

#include "systematic_model.hpp"

using namespace ratiofarm;

namespace {

Likelihood test_likelihood(std::size_t n = 600) {
    return {test::systematic_model(ShapeNorm::reference), test::data_of(test::systematic_grid(n)),
            test::one_rank};
}

std::vector<double> steps(double low, double high, std::size_t n) {
    std::vector<double> points;
    for (std::size_t k = 0; k < n; ++k) {
        points.push_back(low + (high - low) * static_cast<double>(k) / static_cast<double>(n - 1));
    }
    return points;
}

}  // namespace

TEST_CASE("a fit with systematics takes at most fourteen passes from a cold start", "[fit]") {
    const Likelihood likelihood = test_likelihood();
    for (const double start : {0.3, 1.0, 3.0}) {
        StatisticalModel model = likelihood.model();
        model.parameters[0].start = start;
        const Likelihood cold(model, test::data_of(test::systematic_grid(600)), test::one_rank);

        const FitResult result = fit(cold, {.interval = false}, Log());

        INFO(start << ": " << result.pass_counts.first_descent << " + "
                   << result.pass_counts.search);
        CHECK(result.converged);
        CHECK(result.passes <= 14);
        CHECK(result.passes == result.pass_counts.first_descent + result.pass_counts.search);
        CHECK(cold.passes() == result.passes);
    }
}

TEST_CASE("a scan of fifty points costs less than three cold fits", "[fit]") {
    StatisticalModel model = test::systematic_model(ShapeNorm::reference);
    model.parameters[0].start = 3.0;
    const Likelihood likelihood(model, test::data_of(test::systematic_grid(600)), test::one_rank);
    const FitResult result = fit(likelihood, {.interval = false}, Log());
    const std::uint64_t before = likelihood.passes();
    const auto points = default_scan_points(likelihood.model(), result, 50);

    const auto cheap = scan(likelihood, result, points);

    const std::uint64_t passes = likelihood.passes() - before;
    INFO(passes << " passes, a fit takes " << result.passes);
    CHECK(passes <= 3 * result.passes);
    const auto dear = scan(likelihood, result, points, {.tolerance = 0.0});
    std::size_t interpolated = 0;
    for (std::size_t k = 0; k < points.size(); ++k) {
        interpolated += cheap[k].interpolated;
        CHECK_FALSE(dear[k].interpolated);
        CHECK(cheap[k].converged);
        CHECK(cheap[k].t == Approx(dear[k].t).margin(1e-4 * std::max(1.0, dear[k].t)));
        for (std::size_t a = 0; a < 3; ++a) {
            CHECK(cheap[k].parameters[a] == Approx(dear[k].parameters[a]).margin(5e-3));
        }
    }
    CHECK(interpolated > 20);
    CHECK(cheap.front().t == Approx(dear.front().t).margin(1e-9));
}

TEST_CASE("a scan equals fits with the parameter fixed, one by one", "[fit]") {
    const Likelihood likelihood = test_likelihood(300);
    const FitResult result = fit(likelihood, {.interval = false}, Log());
    const auto mu = steps(0.1, 2.8, 7);
    const auto curve = scan(likelihood, result, mu);

    for (std::size_t k = 0; k < mu.size(); ++k) {
        StatisticalModel model = likelihood.model();
        model.parameters[0].start = mu[k];
        model.parameters[0].fixed = true;
        const Likelihood held(model, test::data_of(test::systematic_grid(300)), test::one_rank);
        const FitResult slow = fit(held, {}, Log());
        CHECK(curve[k].t == Approx(2.0 * (slow.nll - result.nll)).margin(1e-8));
        CHECK(curve[k].parameters[1] == Approx(slow.parameters[1].value).margin(1e-6));
        CHECK(curve[k].parameters[2] == Approx(slow.parameters[2].value).margin(1e-6));
    }
}

TEST_CASE("any parameter can be scanned, and a grid agrees with both scans", "[fit]") {
    const Likelihood likelihood = test_likelihood(300);
    const FitResult result = fit(likelihood, {.interval = false}, Log());
    const std::vector<double> alpha{-1.5, -0.5, 0.7, 2.0};
    const std::vector<double> mu{0.4, 1.0, 1.9};

    const auto curve = scan(likelihood, result, alpha, {.parameter = "alpha_2"});
    const auto grid = scan_grid(likelihood, result, {"mu", mu}, {"alpha_2", alpha});

    REQUIRE(grid.size() == mu.size() * alpha.size());
    for (std::size_t l = 0; l < alpha.size(); ++l) {
        CHECK(curve[l].parameters[2] == alpha[l]);
        double least = HUGE_VAL;
        for (std::size_t k = 0; k < mu.size(); ++k) {
            const ScanPoint& point = grid[k * alpha.size() + l];
            CHECK(point.poi == mu[k]);
            CHECK(point.parameters[0] == Approx(mu[k]).epsilon(1e-12));
            CHECK(point.parameters[2] == alpha[l]);
            least = std::min(least, point.t);
        }
        CHECK(curve[l].t <= least + 1e-8);
    }
    // The grid at the profiled mu is the curve.
    const auto at =
        scan_grid(likelihood, result, {"alpha_2", {alpha[3]}}, {"mu", {curve[3].parameters[0]}});
    CHECK(at[0].t == Approx(curve[3].t).margin(1e-8));
    CHECK_THROWS_AS(scan_grid(likelihood, result, {"mu", mu}, {"mu", mu}), ConfigError);
    CHECK_THROWS_AS(scan(likelihood, result, mu, {.parameter = "nu"}), ConfigError);
}

TEST_CASE("a contour lies where fits with both parameters held say so", "[fit]") {
    const Likelihood likelihood = test_likelihood(300);
    const FitResult result = fit(likelihood, {.interval = false}, Log());
    const std::vector<double> levels{contour_level(0.6827), contour_level(0.95)};
    CHECK(levels[1] == Approx(5.991464547107979).epsilon(1e-14));

    const std::uint64_t before = likelihood.passes();
    const auto found = contours(likelihood, result, "mu", "alpha_2", levels, 12);

    INFO(likelihood.passes() - before << " passes");
    CHECK(likelihood.passes() - before < 12 * 2 * 8);
    REQUIRE(found.size() == 2);
    for (std::size_t l = 0; l < 2; ++l) {
        CHECK(found[l].level == levels[l]);
        REQUIRE(found[l].points.size() == 12);
        for (const Contour::Point& point : found[l].points) {
            StatisticalModel model = likelihood.model();
            for (const auto& [index, value] :
                 {std::pair(std::size_t{0}, point.x), {std::size_t{2}, point.y}}) {
                model.parameters[index].start = value;
                model.parameters[index].fixed = true;
            }
            const Likelihood held(model, test::data_of(test::systematic_grid(300)), test::one_rank);
            const double t = 2.0 * (fit(held, {}, Log()).nll - result.nll);
            INFO(point.x << " " << point.y << " " << point.t);
            CHECK(point.converged);
            CHECK(point.t == Approx(t).margin(1e-7));
            CHECK(t == Approx(levels[l]).epsilon(0.011));
        }
    }
    CHECK_THROWS_AS(contours(likelihood, result, "mu", "mu", levels), ConfigError);
}

TEST_CASE("a contour that a range cuts ends there, and says how far it came", "[fit]") {
    StatisticalModel model = test::systematic_model(ShapeNorm::reference);
    model.parameters[0].high = 1.3;
    const Likelihood likelihood(model, test::data_of(test::systematic_grid(300)), test::one_rank);
    const FitResult result = fit(likelihood, {.interval = false}, Log());
    const std::vector<double> levels{contour_level(0.95)};

    const auto found = contours(likelihood, result, "mu", "alpha_2", levels, 16);

    std::size_t cut = 0;
    for (const Contour::Point& point : found[0].points) {
        CHECK(point.converged);
        CHECK(point.x <= 1.3);
        if (point.t < 0.98 * levels[0]) {
            CHECK((point.x == Approx(1.3) || std::abs(point.y) == Approx(5.0)));
            ++cut;
        }
    }
    CHECK(cut > 0);
    CHECK(cut < 16);
}

TEST_CASE("asymmetric errors of any parameter end where t is one, in few passes", "[fit]") {
    const Likelihood likelihood = test_likelihood(300);

    const FitResult result = fit(likelihood, {.intervals = {"alpha_1", "alpha_2"}}, Log());

    INFO(result.pass_counts.intervals << " passes for six ends");
    CHECK(result.pass_counts.intervals <= 48);
    for (const auto& parameter : result.parameters) {
        REQUIRE(parameter.error_low.has_value());
        REQUIRE(parameter.error_high.has_value());
        const std::vector<double> ends{parameter.value - *parameter.error_low,
                                       parameter.value + *parameter.error_high};
        for (const auto& point : scan(likelihood, result, ends, {.parameter = parameter.name})) {
            CHECK(point.t == Approx(1.0).epsilon(1e-7));
        }
    }
    CHECK_THROWS_AS(fit(likelihood, {.intervals = {"alpha_3"}}, Log()), ConfigError);
}

namespace {

/// The interference test_likelihood with a hundred nuisance parameters, whose global observables
/// were thrown: all act on yields, every tenth one tilts the shapes as well.
StatisticalModel hundred_model() {
    StatisticalModel model = test::interference_model(1.0);
    PhiloxSequence random(17);
    for (int m = 0; m < 100; ++m) {
        const std::string name = "alpha_" + std::to_string(m);
        model.parameters.push_back(
            {.name = name,
             .start = 0.0,
             .low = -5.0,
             .high = 5.0,
             .constraint = {.kind = Constraint::Kind::gaussian, .observed = random.normal()}});
        for (auto& process : model.unbinned[0].processes) {
            const double up = 1.0 + 0.01 * random.normal();
            const double down = 1.0 / up + 0.005 * random.normal();
            process.systematics.push_back(
                {.parameter = name, .yield = Anchors{up, down}, .shape = m % 10 == 0});
        }
    }
    return model;
}

EventSet hundred_events(const StatisticalModel& model) {
    EventSet events = test::grid_events(1.0, 400);
    for (std::size_t i = 0; i < events.size(); ++i) {
        events.reference.push_back(events.weight[i] / 700.0);
    }
    for (const auto& process : model.unbinned[0].processes) {
        for (const auto& effect : process.systematics) {
            if (!effect.shape) continue;
            const double tilt = 0.02 + 0.003 * static_cast<double>(events.shapes.size() % 7);
            events.shapes.push_back({process.name, effect.parameter});
            for (const double sign : {1.0, -1.0}) {
                for (std::size_t i = 0; i < events.size(); ++i) {
                    const double x = -1.0 + 2.0 * static_cast<double>(i) / 400.0;
                    events.log_g.push_back(static_cast<float>(sign * tilt * 10.0 * x));
                }
            }
        }
    }
    return events;
}

}  // namespace

TEST_CASE("a fit with a hundred pulled parameters descends in few passes and probes", "[fit]") {
    const StatisticalModel model = hundred_model();
    const Likelihood likelihood(model, test::data_of(hundred_events(model)), test::one_rank);

    const FitResult result = fit(likelihood, {.interval = false}, Log());

    INFO(result.pass_counts.first_descent << " + " << result.pass_counts.search);
    CHECK(result.converged);
    CHECK(result.pass_counts.first_descent <= 9);
    CHECK(result.pass_counts.search <= 8);  // four probes, and second looks: no second descent
    CHECK(result.impacts.size() == 100);
    CHECK(result.condition_number < 1e3);
}

TEST_CASE("a fit in single precision ends at the minimum of the double one", "[fit]") {
    const StatisticalModel model = hundred_model();
    const LikelihoodData data = test::data_of(hundred_events(model));
    const Likelihood fp64(model, data, test::one_rank);
    const Likelihood fp32(model, data, test::one_rank, {.precision = ShapePrecision::fp32});

    const FitResult exact = fit(fp64, {.interval = false}, Log());
    const FitResult rounded = fit(fp32, {.interval = false}, Log());

    INFO("edm " << rounded.edm << ", " << rounded.passes << " passes");
    CHECK(rounded.converged);
    CHECK(rounded.passes <= 17);
    for (std::size_t a = 0; a < exact.parameters.size(); ++a) {
        CHECK(rounded.parameters[a].value ==
              Approx(exact.parameters[a].value).margin(1e-3 * exact.parameters[a].error));
    }
}
