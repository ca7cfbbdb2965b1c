#include "ratiofarm/report/calibration.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "ratiofarm_test/catch.hpp"

#include "mixture_toy.hpp"

using namespace ratiofarm;
using ratiofarm::test::MixtureToy;
using ratiofarm::test::view;

TEST_CASE("the score is the logistic function of the log ratio", "[report]") {
    CHECK(score_of(0.0) == 0.5);
    CHECK(score_of(std::log(3.0)) == Approx(0.75));
    CHECK(score_of(-std::numeric_limits<double>::infinity()) == 0.0);
    CHECK(score_of(std::numeric_limits<double>::infinity()) == 1.0);
}

TEST_CASE("observed and predicted fractions of a two-valued ratio follow by hand", "[report]") {
    // Sample: 20 events with r = 3 and 80 with r = 1/2; reference: 10 of 100 and 90 of 100.
    MixtureToy::Sample sample{.fraction = 0.0};
    MixtureToy::Sample reference{.fraction = 1.0};
    for (int i = 0; i < 100; ++i) {
        sample.weight.push_back(2.0);
        sample.log_ratio.push_back(static_cast<float>(std::log(i < 20 ? 3.0 : 0.5)));
        reference.weight.push_back(1.0);
        reference.log_ratio.push_back(static_cast<float>(std::log(i < 10 ? 3.0 : 0.5)));
    }
    sample.feature = sample.log_ratio;
    reference.feature = reference.log_ratio;

    const Calibration result = calibration(view({sample, reference}), 0, 2);

    const CalibrationBin& high = result.bins.back();
    REQUIRE(result.bins.size() <= 2);
    REQUIRE(result.bins.size() == 1);  // the two quantile edges of 85 % equal values coincide
    CHECK(high.observed == Approx(0.5));
    CHECK(high.predicted == Approx((0.3 * 0.75 + 1.7 / 3.0) / 2.0));
}

TEST_CASE("exact ratios are calibrated", "[report]") {
    const MixtureToy toy{.shift = 0.8, .fraction = 0.4};
    constexpr int sets = 200;
    constexpr std::size_t bins = 8;

    double chi2 = 0.0;
    for (int set = 0; set < sets; ++set) {
        const auto samples = toy.draw(static_cast<std::uint64_t>(set), 2000, true);
        const Calibration result = calibration(view(samples), 0, bins);
        REQUIRE(result.ndf == bins);
        chi2 += result.chi2;
    }

    CHECK(std::abs(chi2 / sets - bins) < 4.0 * std::sqrt(2.0 * bins / sets));
}

TEST_CASE("an overconfident ratio is not calibrated", "[report]") {
    const MixtureToy toy{.shift = 0.8, .fraction = 0.4, .distortion = -0.3};
    const auto samples = toy.draw(3, 20000, false);

    const Calibration result = calibration(view(samples), 0, 10);

    CHECK(result.chi2 > 10.0 * static_cast<double>(result.ndf));
    CHECK(result.bins.front().predicted < result.bins.front().observed);
    CHECK(result.bins.back().predicted > result.bins.back().observed);
}
