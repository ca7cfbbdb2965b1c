#include "workers/trainer/quality/calibration.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ratiofarm_test/catch.hpp"

#include "core/philox.hpp"

#include "scored_gaussians.hpp"

using namespace ratiofarm;
using namespace ratiofarm::trainer;
using ratiofarm::test::ScoredGaussians;

namespace {

/// g_i = max over j <= i of min over k >= i of the weighted mean of values j..k.
std::vector<double> min_max_formula(const std::vector<double>& values,
                                    const std::vector<double>& weights) {
    std::vector<double> result;
    for (std::size_t i = 0; i < values.size(); ++i) {
        double best = -std::numeric_limits<double>::infinity();
        for (std::size_t j = 0; j <= i; ++j) {
            double least = std::numeric_limits<double>::infinity();
            double sum = 0.0;
            double weight = 0.0;
            for (std::size_t k = j; k < values.size(); ++k) {
                sum += weights[k] * values[k];
                weight += weights[k];
                if (k >= i) least = std::min(least, sum / weight);
            }
            best = std::max(best, least);
        }
        result.push_back(best);
    }
    return result;
}

}  // namespace

TEST_CASE("pooling adjacent violators is the max-min formula", "[calibration]") {
    PhiloxSequence random(11);
    for (const std::size_t n : {0, 1, 2, 3, 17, 60}) {
        std::vector<double> values;
        std::vector<double> weights;
        for (std::size_t i = 0; i < n; ++i) {
            values.push_back(random.uniform() + 0.01 * static_cast<double>(i));
            weights.push_back(0.1 + random.uniform());
        }

        const auto result = isotonic_regression(values, weights);

        const auto expected = min_max_formula(values, weights);
        REQUIRE(result.size() == n);
        for (std::size_t i = 0; i < n; ++i) CHECK(result[i] == Approx(expected[i]).epsilon(1e-12));
    }
}

TEST_CASE("a known monotone distortion of exact logits is undone", "[calibration]") {
    const auto distort = [](double z) { return 0.5 * z + 0.1 * z * z * z + 0.4; };
    const ScoredGaussians fitted(100000, 5);
    const CalibrationMap map =
        fit_calibration(fitted.with(fitted.logits(distort)), CalibrationMethod::isotonic);
    REQUIRE(map.logit.size() >= 2);
    CHECK(map.logit.size() <= calibration_knots);
    CHECK(std::is_sorted(map.logit.begin(), map.logit.end(), std::less_equal<>()));
    CHECK(std::is_sorted(map.calibrated.begin(), map.calibrated.end()));

    const ScoredGaussians fresh(20000, 6);
    double before = 0.0;
    double after = 0.0;
    double events = 0.0;
    for (const float exact : fresh.exact) {
        if (std::abs(exact) > 2.0F) continue;  // a bin of the fit spans much farther out
        const auto distorted = static_cast<float>(distort(double{exact}));
        before += std::pow(distorted - exact, 2);
        after += std::pow(calibrated(map, distorted) - exact, 2);
        events += 1.0;
    }
    before = std::sqrt(before / events);
    after = std::sqrt(after / events);

    CHECK(before > 0.3);
    CHECK(after < 0.08);
}

TEST_CASE("a map undoes the slope that the quality measures", "[calibration]") {
    const ScoredGaussians gaussians(50000, 5);
    const std::vector<float> logits = gaussians.logits([](double z) { return 1.5 * z; });
    const CalibrationMap map = fit_calibration(gaussians.with(logits), CalibrationMethod::isotonic);

    const NetQuality before = measure_quality(gaussians.with(logits), gaussians.with(logits), {});
    const NetQuality after = measure_quality(gaussians.with(logits), gaussians.with(logits), map);

    CHECK(before.calibration_slope == Approx(1.0 / 1.5).margin(0.02));
    CHECK(after.calibration_slope == Approx(1.0).margin(0.02));
}

TEST_CASE("where one class is missing the map stays finite", "[calibration]") {
    const ScoredGaussians gaussians(400, 5);  // with 64 bins of 12 events some hold one class only
    std::vector<float> rows = gaussians.rows;
    for (std::size_t i = 0; i < gaussians.exact.size(); ++i) {
        const bool signal = i < 400;
        rows[3 * i + 1] = signal ? 1.0F : 0.0F;
        rows[3 * i + 2] = 1.0F;
    }
    const std::vector<float> logits = gaussians.logits([](double z) { return z; });

    const CalibrationMap map = fit_calibration({rows, 3, logits}, CalibrationMethod::isotonic);

    REQUIRE(map.logit.size() >= 2);
    for (const float value : map.calibrated) CHECK(std::isfinite(value));
}

TEST_CASE("a constant net and separated classes have no map", "[calibration]") {
    const ScoredGaussians gaussians(200, 5);
    const std::vector<float> constant(gaussians.exact.size(), 0.5F);
    const std::vector<float> rows{0, 1, 1, 0, 0, 1};
    const auto method = GENERATE(CalibrationMethod::isotonic, CalibrationMethod::platt,
                                 CalibrationMethod::histogram);

    CHECK(fit_calibration(gaussians.with(constant), method) == CalibrationMap{});
    CHECK(fit_calibration({rows, 3, std::vector<float>{1.0F, -1.0F}}, method) == CalibrationMap{});
}

TEST_CASE("a straight line undoes one, far beyond the events, too", "[calibration]") {
    const ScoredGaussians gaussians(50000, 5);
    const std::vector<float> logits = gaussians.logits([](double z) { return (z - 0.4) / 0.8; });

    const CalibrationMap map = fit_calibration(gaussians.with(logits), CalibrationMethod::platt);

    REQUIRE(map.logit.size() == 2);
    for (const float z : {-14.0F, -1.0F, 0.0F, 0.5F, 14.0F}) {
        CHECK(calibrated(map, z) == Approx(0.4F + 0.8F * z).margin(0.02 + 0.02 * std::abs(z)));
    }
}

TEST_CASE("a net that is worse than none has no straight line", "[calibration]") {
    const ScoredGaussians gaussians(2000, 5);
    const std::vector<float> logits = gaussians.logits([](double z) { return -z; });

    CHECK(fit_calibration(gaussians.with(logits), CalibrationMethod::platt) == CalibrationMap{});
}

TEST_CASE("a histogram has what is found in bins, falling or not", "[calibration]") {
    // Three logits; of the events at each of them this share is in the numerator.
    const std::vector<float> found{0.2F, 0.8F, 0.5F};
    std::vector<float> rows;
    std::vector<float> logits;
    for (std::size_t bin = 0; bin < 3; ++bin) {
        for (int event = 0; event < 100; ++event) {
            const bool numerator = static_cast<float>(event) < 100.0F * found[bin];
            rows.insert(rows.end(), {0.0F, numerator ? 1.0F : 0.0F, 1.0F});
            logits.push_back(static_cast<float>(bin));
        }
    }

    const CalibrationMap map = fit_calibration({rows, 3, logits}, CalibrationMethod::histogram);

    REQUIRE(map.logit == std::vector{0.0F, 1.0F, 2.0F});  // both classes weigh the same already
    for (std::size_t bin = 0; bin < 3; ++bin) {
        CHECK(map.calibrated[bin] ==
              Approx(std::log(found[bin] / (1.0F - found[bin]))).margin(1e-6));
    }
}
