// Coverage on the interference model; tests/bench/coverage_study.cpp prints more of it.

#include <algorithm>
#include <cmath>

#include "ratiofarm/fit/neyman.hpp"
#include "ratiofarm_test/catch.hpp"

#include "toy_coverage.hpp"

using namespace ratiofarm;

namespace {

Fraction covered(const std::vector<double>& sorted, double threshold) {
    const auto below = std::upper_bound(sorted.begin(), sorted.end(), threshold) - sorted.begin();
    return fraction_of(static_cast<std::uint64_t>(below), sorted.size());
}

}  // namespace

TEST_CASE("thresholds from toys cover where the asymptotic ones do not", "[fit][toys]") {
    for (const double mu : {0.02, 1.0}) {
        const auto learned = test::sorted_t(mu, 1, 400);
        const auto t = test::sorted_t(mu, 2, 400);
        REQUIRE(t.size() > 395);
        for (const double level : {0.6827, 0.95}) {
            const Threshold threshold = threshold_of(learned, level);
            const Fraction coverage = covered(t, threshold.value);
            CAPTURE(mu, level, threshold.value, coverage.value);
            // Both samples of toys fluctuate.
            const double error = std::sqrt(2.0 * level * (1.0 - level) / 400.0);
            CHECK(std::abs(coverage.value - level) < 4.0 * error);
        }
    }
}

TEST_CASE("exact toys have the expected number of events and estimates around the truth",
          "[fit][toys]") {
    const test::ExactToys toys(1.0);
    double events = 0.0;
    std::vector<double> estimates;
    for (std::uint64_t k = 0; k < 200; ++k) {
        const ToyOutcome toy = toys.run(3, k);
        events += static_cast<double>(toy.events) / 200.0;
        estimates.push_back(toy.value[0]);
    }

    const double nu = ModelDensities(test::golden_model).yield(SimulatedSample::combined);
    CHECK(std::abs(events - nu) < 4.0 * std::sqrt(nu / 200.0));
    std::sort(estimates.begin(), estimates.end());
    // The median is less biased than the mean; its error is 1.25 sigma / sqrt(n).
    CHECK(std::abs(estimates[100] - 1.0) < 4.0 * 1.25 * 0.4776 / std::sqrt(200.0) + 0.05);
}
