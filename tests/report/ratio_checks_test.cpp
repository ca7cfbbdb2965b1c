#include "report/ratio_checks.hpp"

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "ratiofarm_test/catch.hpp"

#include "gaussian_mixture.hpp"

using namespace ratiofarm;
using ratiofarm::test::GaussianMixture;
using ratiofarm::test::view;

TEST_CASE("E_ref[r] - 1 and its error follow from two values", "[report]") {
    GaussianMixture::Sample reference{.fraction = 1.0};
    for (int i = 0; i < 100; ++i) {
        reference.weight.push_back(0.5);
        reference.log_ratio.push_back(static_cast<float>(std::log(i < 25 ? 2.0 : 0.8)));
    }

    const NormalisationCheck check = check_normalisation(view({reference}));

    CHECK(check.deviation == Approx(0.25 * 2.0 + 0.75 * 0.8 - 1.0));
    CHECK(check.error == Approx(1.2 * std::sqrt(0.25 * 0.75 / 100.0)));
    CHECK(check.gate == Approx(3.0 * check.error));
    CHECK(check.passes());
}

TEST_CASE("the normalisation gate is never below one per cent", "[report]") {
    CHECK(NormalisationCheck{.deviation = -0.009, .error = 0.0, .gate = 0.01}.passes());
    CHECK_FALSE(NormalisationCheck{.deviation = -0.011, .error = 0.0, .gate = 0.01}.passes());
}

TEST_CASE("the error of E_ref[r] is its scatter over independent sets", "[report]") {
    const GaussianMixture mixture{.shift = 0.8, .fraction = 0.3};
    constexpr int sets = 400;
    double square = 0.0;
    double variance = 0.0;

    for (int set = 0; set < sets; ++set) {
        const auto samples = mixture.draw(static_cast<std::uint64_t>(set), 500, true);
        const NormalisationCheck check = check_normalisation(view(samples));
        square += check.deviation * check.deviation;
        variance += check.error * check.error;
    }

    CHECK(square / variance == Approx(1.0).epsilon(4.0 * std::sqrt(2.0 / sets)));
}

TEST_CASE("distributions of log r are fractions that add up to one", "[report]") {
    const GaussianMixture mixture{.shift = 1.0, .fraction = 0.5};
    const auto samples = mixture.draw(1, 3000, true);
    const auto events = view(samples);
    const Binning binning = ratio_binning(events, 0, 20, 0.001);

    const RatioDistribution result = ratio_distribution(events, 0, binning);

    CHECK(std::accumulate(result.reference.begin(), result.reference.end(), 0.0) == Approx(1.0));
    CHECK(std::accumulate(result.target.begin(), result.target.end(), 0.0) == Approx(1.0));
    for (std::size_t b = 0; b < binning.bins(); ++b) {  // p_j / p_ref at given log r is r itself
        if (result.target[b] < 0.02 || result.reference[b] < 0.02) continue;
        CHECK(result.target[b] / result.reference[b] ==
              Approx(std::exp(binning.centre(b))).epsilon(0.2));
    }
}

TEST_CASE("the identity check reports mean, scatter and extremes", "[report]") {
    const std::vector<double> sums{0.9, 1.0, 1.2};
    const std::vector<double> weights{1.0, 2.0, 1.0};

    const IdentityCheck check = check_identity(sums, weights);

    CHECK(check.mean == Approx(1.025));
    CHECK(check.rms == Approx(std::sqrt((0.01 + 0.04) / 4.0)));
    CHECK(check.smallest == 0.9);
    CHECK(check.largest == 1.2);
    CHECK(check.events == 3);
}

TEST_CASE("a linear distortion of log r shows in slope and intercept", "[report]") {
    const std::vector<double> exact{-1.0, 0.0, 0.5, 2.0};
    const std::vector<double> weights{1.0, 3.0, 1.0, 2.0};
    std::vector<float> learned;
    for (const double value : exact) learned.push_back(static_cast<float>(2.0 * value + 1.0));

    const RatioAccuracy accuracy = check_accuracy(learned, exact, weights);

    CHECK(accuracy.slope == Approx(0.5));
    CHECK(accuracy.intercept == Approx(-0.5));
    CHECK(accuracy.mean == Approx((0.0 + 3.0 + 1.5 + 2.0 * 3.0) / 7.0));
    CHECK(accuracy.rms == Approx(std::sqrt((0.0 + 3.0 + 2.25 + 2.0 * 9.0) / 7.0)));
}

TEST_CASE("events without a finite exact ratio are counted, not used", "[report]") {
    const std::vector<double> exact{0.0, -std::numeric_limits<double>::infinity(), 1.0};
    const std::vector<float> learned{0.0F, 1.0F, 1.0F};
    const std::vector<double> weights(3, 1.0);

    const RatioAccuracy accuracy = check_accuracy(learned, exact, weights);

    CHECK(accuracy.events == 2);
    CHECK(accuracy.not_finite == 1);
    CHECK(accuracy.rms == 0.0);
}
