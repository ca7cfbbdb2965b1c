#include "report/calibration.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "ratiofarm_test/catch.hpp"

#include "gaussian_mixture.hpp"

using namespace ratiofarm;
using ratiofarm::test::GaussianMixture;
using ratiofarm::test::view;

TEST_CASE("the score is the logistic function of the log ratio", "[report]") {
    CHECK(score_of(0.0) == 0.5);
    CHECK(score_of(std::log(3.0)) == Approx(0.75));
    CHECK(score_of(-std::numeric_limits<double>::infinity()) == 0.0);
    CHECK(score_of(std::numeric_limits<double>::infinity()) == 1.0);
}

TEST_CASE("calibration of a ratio with three values follows by hand", "[report]") {
    GaussianMixture::Sample sample{.fraction = 0.0};
    GaussianMixture::Sample reference{.fraction = 1.0};
    const auto fill = [](GaussianMixture::Sample& to, double ratio, int events) {
        to.log_ratio.insert(to.log_ratio.end(), static_cast<std::size_t>(events),
                            static_cast<float>(std::log(ratio)));
        to.weight.insert(to.weight.end(), static_cast<std::size_t>(events), 2.0);
    };
    fill(sample, 0.5, 100);
    fill(sample, 1.0, 100);
    fill(sample, 3.0, 100);
    fill(reference, 0.5, 200);
    fill(reference, 1.0, 100);
    fill(reference, 3.0, 100);

    const Calibration result = calibration(view({sample, reference}), 0, 2);

    REQUIRE(result.bins.size() == 2);
    const CalibrationBin& low = result.bins[0];
    CHECK(low.content == Approx(0.5 * (1.0 / 3.0 + 0.5)));
    CHECK(low.observed == Approx(0.4));
    CHECK(low.predicted == Approx(1.0 / 3.0));
    const double of_sample = (4.0 / 27.0 - 4.0 / 81.0) / 300.0;     // p v^2 - (p v)^2, v = 2/3
    const double of_reference = (1.0 / 18.0 - 1.0 / 36.0) / 400.0;  // v = 1/3
    CHECK(low.error == Approx(std::sqrt(of_sample + of_reference) / (5.0 / 6.0)));
}

TEST_CASE("exact ratios are calibrated", "[report]") {
    const GaussianMixture mixture{.shift = 0.5, .fraction = 0.4};
    constexpr int sets = 200;
    constexpr std::size_t bins = 8;

    double chi2 = 0.0;
    for (int set = 0; set < sets; ++set) {
        const auto samples = mixture.draw(static_cast<std::uint64_t>(set), 2000, true);
        const Calibration result = calibration(view(samples), 0, bins);
        REQUIRE(result.agreement.ndf == bins);
        chi2 += result.agreement.chi2;
    }

    CHECK(std::abs(chi2 / sets - bins) < 4.0 * std::sqrt(2.0 * bins / sets));
}

TEST_CASE("an overconfident ratio is not calibrated", "[report]") {
    const GaussianMixture mixture{.shift = 0.8, .fraction = 0.4, .distortion = -0.3};
    const auto samples = mixture.draw(3, 20000, false);

    const Calibration result = calibration(view(samples), 0, 10);

    CHECK(result.agreement.chi2 > 10.0 * static_cast<double>(result.agreement.ndf));
    CHECK(result.bins.front().predicted < result.bins.front().observed);
    CHECK(result.bins.back().predicted > result.bins.back().observed);
}
