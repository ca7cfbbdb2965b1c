#include "campaign/search/search_sigma.hpp"

#include <cmath>
#include <limits>
#include <numbers>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

#include "core/philox.hpp"

#include "example_campaign.hpp"

using namespace ratiofarm;
using test::example_samples;
using test::example_toml;
using test::replaced;

namespace {

double normal(double x, double mean) {
    return std::exp(-0.5 * (x - mean) * (x - mean)) / std::sqrt(2 * std::numbers::pi);
}

/// mu * S + B with unit Gaussians at 1.5 and 0, judged by the given ratios to their mean.
struct TwoGaussians {
    std::vector<ProcessRate> rates{{1.0, 1.0, 100.0}, {1.0, 0.0, 900.0}};
    std::vector<JudgedEvents> events;

    template <class Distort>
    explicit TwoGaussians(Distort distort) {
        for (const double mean : {1.5, 0.0}) {
            JudgedEvents judged{{}, {{}, {}}};
            PhiloxSequence random(mean > 0 ? 1 : 2);
            for (int i = 0; i < 40000; ++i) {
                const double x = mean + random.normal();
                const double reference = 0.5 * (normal(x, 1.5) + normal(x, 0.0));
                judged.weight.push_back(0.01);
                judged.log_ratio[0].push_back(
                    static_cast<float>(distort(x) + std::log(normal(x, 1.5) / reference)));
                judged.log_ratio[1].push_back(
                    static_cast<float>(std::log(normal(x, 0.0) / reference)));
            }
            events.push_back(std::move(judged));
        }
    }

    double sigma(double norm = 1.0) const {
        const std::vector<double> norms{norm, norm};
        return expected_sigma(rates, events, norms);
    }
};

/// Of S with the ratio exp(distort) r_S: the part of intervals that hold the truth, by integrals.
template <class Distort>
double exact_coverage(Distort distort) {
    double mean = -100.0;
    double variance = 0.0;
    constexpr double step = 1e-3;
    for (double x = -10.0; x < 12.0; x += step) {
        const double signal = 100.0 * normal(x, 1.5);
        const double background = 900.0 * normal(x, 0.0);
        const double learned = std::exp(distort(x)) * signal;
        const double score = learned / (learned + background);
        mean += step * (signal + background) * score;
        variance += step * (signal + background) * score * score;
    }
    const double b = mean / std::sqrt(variance);
    return 0.5 *
           (std::erf((1 - b) / std::numbers::sqrt2) + std::erf((1 + b) / std::numbers::sqrt2));
}

/// 1 / sqrt(integral of (nu_S p_S)^2 / (nu_S p_S + nu_B p_B)), by the trapezoid rule.
double exact_sigma() {
    double information = 0.0;
    constexpr double step = 1e-3;
    for (double x = -10.0; x < 12.0; x += step) {
        const double signal = 100.0 * normal(x, 1.5);
        information += step * signal * signal / (signal + 900.0 * normal(x, 0.0));
    }
    return 1.0 / std::sqrt(information);
}

}  // namespace

TEST_CASE("exact ratios give the error of the Fisher information", "[campaign][search]") {
    const TwoGaussians exact([](double) { return 0.0; });

    CHECK(exact.sigma() == Approx(exact_sigma()).epsilon(0.01));
    CHECK(exact.sigma(7.0) == Approx(exact.sigma()).epsilon(1e-6));
}

TEST_CASE("no distortion of a ratio makes the expected error smaller", "[campaign][search]") {
    const double exact = TwoGaussians([](double) { return 0.0; }).sigma();
    const double shallow = TwoGaussians([](double x) { return -0.7 * x; }).sigma();
    // What overfitting looks like: ratios spread that carry no information.
    const double noisy = TwoGaussians([](double x) { return 1.5 * std::sin(200.0 * x); }).sigma();

    CHECK(shallow > 1.02 * exact);
    CHECK(noisy > 1.02 * exact);
}

TEST_CASE("biased ratios cover less often, exact ones as they should", "[campaign][search]") {
    const std::vector<double> norms{1.0, 1.0};
    const auto defect = [&](const TwoGaussians& two) {
        return coverage_defect(two.rates, two.events, norms);
    };
    const auto tilt = [](double x) { return 0.5 * (x - 1.5); };

    CHECK(defect(TwoGaussians([](double) { return 0.0; })) < 0.002);
    const double wanted = std::erf(1.0 / std::numbers::sqrt2) - exact_coverage(tilt);
    CHECK(wanted > 0.3);
    // By the numbers of events it scatters by 0.033.
    CHECK(defect(TwoGaussians(tilt)) == Approx(wanted).margin(0.066));
    const auto broken = [](double) { return std::numeric_limits<double>::quiet_NaN(); };
    CHECK(std::isinf(defect(TwoGaussians(broken))));
}

TEST_CASE("rates are coefficients and their derivatives at the start", "[campaign][search]") {
    const Campaign campaign =
        parse_campaign(replaced(example_toml, "start = 1.0", "start = 4.0"), "/campaigns");

    const auto rates = process_rates(campaign, example_samples());

    // mu - sqrt(mu), sqrt(mu), 1 - sqrt(mu); yields 100 and the sums of the samples.
    REQUIRE(rates.size() == 3);
    CHECK(rates[0].factor == Approx(2.0));
    CHECK(rates[0].slope == Approx(0.75));
    CHECK(rates[0].yield == 100.0);
    CHECK(rates[1].factor == Approx(2.0));
    CHECK(rates[1].slope == Approx(0.25));
    CHECK(rates[1].yield == 700.0);
    CHECK(rates[2].factor == Approx(-1.0));
    CHECK(rates[2].slope == Approx(-0.25));
}

TEST_CASE("a start where a root has no derivative is told", "[campaign][search]") {
    const Campaign campaign =
        parse_campaign(replaced(example_toml, "start = 1.0", "start = 0.0"), "/campaigns");

    CHECK_THROWS_AS(process_rates(campaign, example_samples()), DataError);
}

TEST_CASE("nets are judged by the mean of their ratios", "[campaign][search]") {
    const std::vector<float> single{0.25F, -3.0F};

    CHECK(log_mean_ratio({single}) == single);
    const auto mean = log_mean_ratio({{0.0F, 1.0F}, {std::log(3.0F), 1.0F}});
    CHECK(mean[0] == Approx(std::log(2.0)));
    CHECK(mean[1] == Approx(1.0));
}
