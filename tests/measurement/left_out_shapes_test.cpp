#include "measurement/left_out_shapes.hpp"

#include <cmath>
#include <random>

#include "ratiofarm_test/catch.hpp"
#include "ratiofarm_test/temporary_directory.hpp"

#include "measurement/shape_fits.hpp"

#include "binned_example.hpp"

using namespace ratiofarm;

namespace {

constexpr test::Bins data{90, 60, 50};
constexpr double odd = 0.125;
constexpr double even = 0.03;

double share_s(std::size_t bin) { return (3.0 - static_cast<double>(bin)) / 6.0; }
double share_b(std::size_t bin) { return (1.0 + static_cast<double>(bin)) / 6.0; }
double share_ref(std::size_t bin) { return 0.5 * share_s(bin) + 0.5 * share_b(bin); }
double x_of(std::size_t bin) { return static_cast<double>(bin) - 1.0; }

/// A shape of B that is not significant: ln g = +-odd x + even x^2.
test::ExampleRatios example() {
    auto ratios = test::example_ratios(test::example_set("S", {30, 20, 10}),
                                       test::example_set("B", {10, 20, 30}),
                                       test::example_set("data", {90, 60, 50}));
    ratios.log_r = [](std::size_t process, std::size_t bin) {
        return std::log((process == 0 ? share_s(bin) : share_b(bin)) / share_ref(bin));
    };
    ratios.header.shapes = {{"B", "alpha_noise"}};
    ratios.header.significances = {{.gain = 0.0, .gain_error = 1.0, .significant = false}};
    ratios.log_g = [](std::size_t, bool up, std::size_t bin) {
        return (up ? odd : -odd) * x_of(bin) + even * x_of(bin) * x_of(bin);
    };
    return ratios;
}

std::string text_with(const std::string& systematic) {
    return test::example_campaign_text(
        "[data]\nsample = \"data\"\n[[systematic]]\nname = \"noise\"\n" + systematic, "reference");
}

/// What ln r_B += step f(x), normalised on the reference, does to mu-hat, per step.
template <class Function>
double slow_shift(Function f) {
    constexpr double step = 1e-4;
    const auto estimate = [&](double size) {
        test::SlowFit fit{.n = data};
        double z = 0.0;
        for (std::size_t b = 0; b < test::n_bins; ++b) {
            fit.r_s[b] = share_s(b) / share_ref(b);
            fit.r_b[b] = share_b(b) / share_ref(b) * std::exp(size * f(x_of(b)));
            z += share_ref(b) * fit.r_b[b];
        }
        for (double& r : fit.r_b) r /= z;
        return fit.estimate();
    };
    return (estimate(step) - estimate(-step)) / (2.0 * step);
}

ShapeRecord record_of(const test::ExampleFit& fitted) {
    ShapeRecord record =
        shape_record(fitted.campaign, fitted.ratios, fitted.likelihood, fitted.result, {});
    const LikelihoodData rows = load_data(fitted.alone, fitted.campaign, fitted.model,
                                          fitted.ratios, ReferenceRows::always);
    const FittedPoint point{fitted.campaign, fitted.ratios, fitted.model, rows, fitted.point.u, {}};
    find_shape_errors(fitted.alone, point, fitted.result, true, record);
    return record;
}

/// rms pull of mu where it moves by sum_p delta_p alpha_p, alpha_p normal, and `n` learned shifts
/// have noise tau; the statistical error is 1.
double rms_pull(std::size_t n, std::size_t real, double delta, double tau) {
    std::mt19937_64 engine(7);
    std::normal_distribution<double> normal;
    double squares = 0.0;
    constexpr int simulations = 4000;
    for (int s = 0; s < simulations; ++s) {
        std::vector<LeftOutShift> shifts;
        for (std::size_t p = 0; p < n; ++p) {
            const double truth = p < real ? delta : 0.0;
            shifts.push_back({truth + tau * normal(engine), std::abs(tau * normal(engine)), 0.0});
        }
        const double variance = 1.0 + std::pow(left_out_error(shifts), 2);
        squares += (1.0 + static_cast<double>(real) * delta * delta) / variance / simulations;
    }
    return std::sqrt(squares);
}

}  // namespace

TEST_CASE("the shift of a left-out shape is how far it would move the estimate", "[measurement]") {
    const test::TemporaryDirectory folder;
    test::write_example(folder.path(), example());
    const test::ExampleFit fitted(folder.path(), text_with(""));

    const ShapeRecord record = record_of(fitted);

    REQUIRE(record.untreated.size() == 1);
    const ShapeRecord::Untreated& entry = record.untreated.front();
    const double expected = slow_shift([](double x) { return odd * x; });
    const double both = slow_shift([](double x) { return even * x * x; });
    CHECK(std::abs(expected) > 0.03);  // or nothing is tested
    CHECK(entry.shift == Approx(expected).epsilon(1e-5));
    CHECK(entry.shift_noise == Approx(std::abs(both) / std::sqrt(3.0)).epsilon(1e-5));
    CHECK(record.error_without == find_fitted(fitted.result, "mu")->error);
    REQUIRE(record.left_out_error.has_value());
    CHECK(*record.left_out_error >= std::abs(entry.shift));
}

TEST_CASE("the halves of its nets tell the noise of a left-out shape", "[measurement]") {
    const test::TemporaryDirectory folder;
    auto ratios = example();
    ratios.header.shape_nets = 2;
    ratios.half_g = [](std::size_t, bool up, std::size_t bin) {
        return up ? 0.04 * x_of(bin) : -0.01 * x_of(bin) + 0.02 * x_of(bin) * x_of(bin);
    };
    test::write_example(folder.path(), ratios);
    const test::ExampleFit fitted(folder.path(), text_with(""));

    const ShapeRecord record = record_of(fitted);

    const double noise = slow_shift([](double x) { return 0.5 * (0.05 * x - 0.02 * x * x); });
    CHECK(std::abs(noise) > 0.003);
    CHECK(record.untreated.at(0).shift_noise == Approx(std::abs(noise)).epsilon(1e-4));
    CHECK_FALSE(record.noise_error.has_value());
    CHECK(record.noises.empty());
}

TEST_CASE("the error of mu holds the noise of shapes in the likelihood", "[measurement]") {
    const test::TemporaryDirectory folder;
    auto ratios = example();
    ratios.header.significances.at(0).significant = true;
    ratios.header.shape_nets = 2;
    const auto half = [](bool up, double x) { return up ? 0.03 * x : 0.02 * x * x - 0.01 * x; };
    ratios.half_g = [&](std::size_t, bool up, std::size_t bin) { return half(up, x_of(bin)); };
    test::write_example(folder.path(), ratios);
    // Held at 0 nothing but mu can follow; the root of the mean square of alpha is then 0.
    const test::ExampleFit held(folder.path(), text_with("fixed = true\nstart = 1.0\n"));
    const test::ExampleFit free(folder.path(), text_with(""));

    const ShapeRecord at_one = record_of(held);
    const ShapeRecord followed = record_of(free);

    // At alpha = 1 the density of B is r_B g_up.
    const auto moved = [&](bool up) {
        constexpr double step = 1e-4;
        const auto estimate = [&](double size) {
            test::SlowFit fit{.n = data};
            double z = 0.0;
            for (std::size_t b = 0; b < test::n_bins; ++b) {
                const double x = x_of(b);
                fit.r_s[b] = share_s(b) / share_ref(b);
                fit.r_b[b] = share_b(b) / share_ref(b) *
                             std::exp(odd * x + even * x * x + size * half(up, x));
                z += share_ref(b) * fit.r_b[b];
            }
            for (double& r : fit.r_b) r /= z;
            return fit.estimate();
        };
        return (estimate(step) - estimate(-step)) / (2.0 * step);
    };
    const double expected = std::sqrt(0.5 * (std::pow(moved(true), 2) + std::pow(moved(false), 2)));
    CHECK(expected > 0.003);
    REQUIRE(at_one.noises.size() == 1);
    CHECK(at_one.noises[0].parameter == "alpha_noise");
    CHECK(at_one.noises[0].shift == Approx(expected).epsilon(1e-3));
    const double squares = 0.25 * (std::pow(moved(true), 4) + std::pow(moved(false), 4));
    const double of_error = noise_error(at_one.error_without, expected * expected, squares);
    CHECK(*at_one.noise_error == Approx(of_error).epsilon(1e-3));
    CHECK_FALSE(at_one.left_out_error.has_value());
    CHECK(at_one.held_error() == *at_one.noise_error);
    // A parameter that follows takes part of it, and its error makes the noise felt at 0.
    const FittedParameter& alpha = *find_fitted(free.result, "alpha_noise");
    CHECK(followed.noises.at(0).shift > 0.0);
    CHECK(followed.noises.at(0).shift < std::hypot(alpha.value, alpha.error) * expected);
}

TEST_CASE("noise that few differences tell widens as Student's t does", "[measurement]") {
    // Two alike: t / sqrt(2 + t^2) = 0.6827 of two degrees of freedom.
    constexpr double share = 0.682689492137086;
    const double t = std::sqrt(2.0) * share / std::sqrt(1.0 - share * share);

    CHECK(noise_error(0.0, 2.0, 2.0) == Approx(t * std::sqrt(2.0)).epsilon(1e-9));
    CHECK(noise_error(1.0, 0.0, 0.0) == 0.0);
    // Many that are small tell their sum well.
    CHECK(noise_error(1.0, 0.5, 0.5 * 1e-6) == Approx(std::sqrt(0.5)).epsilon(1e-4));
    CHECK(noise_error(1.0, 0.5, 0.125) > std::sqrt(0.5));
}

TEST_CASE("an error with the noise of a shape covers what it says", "[measurement]") {
    std::mt19937_64 engine(5);
    std::normal_distribution<double> normal;
    for (const double tau : {0.3, 1.0, 3.0}) {
        constexpr int simulations = 20000;
        int covered = 0;
        for (int s = 0; s < simulations; ++s) {
            const double up = 0.5 * std::pow(tau * normal(engine), 2);
            const double down = 0.5 * std::pow(tau * normal(engine), 2);
            const double part = noise_error(1.0, up + down, up * up + down * down);
            covered += std::abs(normal(engine) + tau * normal(engine)) < std::hypot(1.0, part);
        }
        CAPTURE(tau, covered);
        CHECK(std::abs(covered / double{simulations} - 0.683) < 0.03);
    }
}

TEST_CASE("a shift is that of one width of the constraint", "[measurement]") {
    const test::TemporaryDirectory folder;
    test::write_example(folder.path(), example());
    const test::ExampleFit one(folder.path(), text_with(""));
    const test::ExampleFit two(folder.path(), text_with("width = 2.0\n"));

    const double of_one = record_of(one).untreated.at(0).shift;

    CHECK(record_of(two).untreated.at(0).shift == Approx(2.0 * of_one).epsilon(1e-9));
}

TEST_CASE("a shape that is left out at a fixed parameter moves nothing", "[measurement]") {
    const test::TemporaryDirectory folder;
    test::write_example(folder.path(), example());
    const test::ExampleFit fitted(folder.path(), text_with("fixed = true\n"));

    CHECK(record_of(fitted).left_out_error == 0.0);
}

TEST_CASE("the error of left-out shapes holds real ones, few or many", "[measurement]") {
    for (const double tau : {0.1, 0.3, 0.7}) {
        CAPTURE(tau);
        CHECK(rms_pull(1, 1, tau, tau) < 1.0);
        CHECK(rms_pull(1, 1, 2.0 * tau, tau) < 1.05);  // it fluctuates with the shift
        CHECK(rms_pull(30, 1, 2.0 * tau, tau) < 1.0);
        CHECK(rms_pull(30, 30, tau, tau) < 1.0);
        CHECK(rms_pull(30, 30, tau, tau) > 0.8);  // and is not just large
    }
}

TEST_CASE("a hundred shapes of noise cost far less than their sum of squares", "[measurement]") {
    std::mt19937_64 engine(11);
    std::normal_distribution<double> normal;
    double mean = 0.0;
    for (int s = 0; s < 1000; ++s) {
        std::vector<LeftOutShift> shifts;
        for (int p = 0; p < 100; ++p) {
            shifts.push_back({normal(engine), std::abs(normal(engine)), 0.0});
        }
        mean += std::pow(left_out_error(shifts), 2) / 1000.0;
    }

    CHECK(mean < 26.0);  // 2 sqrt(100) of the margin, and fluctuations; their squares sum to 100
    CHECK(mean > 10.0);
}

TEST_CASE("one shift without noise is the error, two add in quadrature", "[measurement]") {
    const std::vector<LeftOutShift> one{{-0.3, 0.0, 0.0}};
    const std::vector<LeftOutShift> two{{-0.3, 0.0, 0.0}, {0.4, 0.0, 0.0}};

    CHECK(left_out_error(one) == Approx(0.3).epsilon(1e-12));
    CHECK(left_out_error(two) == Approx(0.5).epsilon(1e-12));
    CHECK(left_out_error({}) == 0.0);
}

TEST_CASE("yields that move the estimate along with a shape add to its error, never against it",
          "[measurement]") {
    const double yield = 0.2;  // in the error of the fit already
    const double shape = 0.3;
    const std::vector<LeftOutShift> along{{-shape, 0.0, -yield}};
    const std::vector<LeftOutShift> against{{shape, 0.0, -yield}};

    const double together = std::pow(shape + yield, 2) - yield * yield;
    CHECK(std::pow(left_out_error(along), 2) == Approx(together).epsilon(1e-12));
    CHECK(left_out_error(against) == Approx(shape).epsilon(1e-12));
}

TEST_CASE("a wider error keeps the covariances with the other parameters", "[measurement]") {
    FitResult fitted;
    fitted.poi = "mu";
    fitted.parameters = {{.name = "alpha", .error = 0.9}, {.name = "mu", .error = 0.3}};
    fitted.covariance = {{0.81, 0.1}, {0.1, 0.09}};
    fitted.correlation = {{1.0, 0.1 / 0.27}, {0.1 / 0.27, 1.0}};

    widen(fitted, 0.4);

    CHECK(fitted.parameters[1].error == Approx(0.5).epsilon(1e-12));
    CHECK(fitted.breakdown.total == Approx(0.5).epsilon(1e-12));
    CHECK(fitted.covariance[1][1] == Approx(0.25).epsilon(1e-12));
    CHECK(fitted.covariance[0][1] == 0.1);
    CHECK(fitted.correlation[0][1] == Approx(0.1 / (0.9 * 0.5)).epsilon(1e-12));
    CHECK(fitted.correlation[1][0] == fitted.correlation[0][1]);
    CHECK(fitted.correlation[1][1] == 1.0);
    CHECK(fitted.parameters[0].error == 0.9);
}
