#include <algorithm>
#include <cmath>
#include <numeric>

#include "ratiofarm/fit/neyman.hpp"
#include "ratiofarm_test/catch.hpp"

#include "core/philox.hpp"

using namespace ratiofarm;

TEST_CASE("a threshold is the order statistic that a new toy stays below", "[fit][toys]") {
    std::vector<double> sorted(99);
    std::iota(sorted.begin(), sorted.end(), 1.0);  // 1 ... 99

    // 100 gaps between 99 toys are equally likely: 95 of them lie below toy 95.
    CHECK(threshold_of(sorted, 0.95).value == 95.0);
    CHECK(threshold_of(sorted, 0.5).value == 50.0);
    CHECK(threshold_of(sorted, 0.99).value == 99.0);
    CHECK(std::isinf(threshold_of(sorted, 0.995).value));
    // Half of [floor(50 - 4.97), ceil(50 + 4.97)].
    CHECK(threshold_of(sorted, 0.5).error == 5.0);
    CHECK(std::isinf(threshold_of(sorted, 0.99).error));
}

TEST_CASE("the error of a threshold is the scatter of thresholds", "[fit][toys]") {
    constexpr int experiments = 400;
    constexpr int n = 500;
    double sum = 0.0;
    double squares = 0.0;
    double error = 0.0;
    for (std::uint64_t k = 0; k < experiments; ++k) {
        PhiloxSequence random(3, k);
        std::vector<double> t;
        for (int i = 0; i < n; ++i) {
            const double x = random.normal();
            t.push_back(x * x);
        }
        std::sort(t.begin(), t.end());
        const Threshold threshold = threshold_of(t, 0.95);
        sum += threshold.value;
        squares += threshold.value * threshold.value;
        error += threshold.error;
    }
    const double mean = sum / experiments;
    const double spread = std::sqrt(squares / experiments - mean * mean);
    CHECK(mean == Approx(3.8415).margin(5.0 * spread / std::sqrt(experiments) + 0.03));
    CHECK(error / experiments == Approx(spread).epsilon(0.15));
}

TEST_CASE("a p-value counts toys from the observed value on", "[fit][toys]") {
    const std::vector<double> sorted{0.0, 1.0, 2.0, 3.0};
    CHECK(fraction_from(sorted, 2.0).value == 0.5);
    CHECK(fraction_from(sorted, 2.1).value == 0.25);
    CHECK(fraction_from(sorted, 3.1).value == 0.0);
    CHECK(fraction_from(sorted, 3.1).error == 0.25);
    CHECK(fraction_from(sorted, 1.5).error == Approx(std::sqrt(0.25 / 4.0)));
}

TEST_CASE("accepted ranges end where the statistic meets its threshold", "[fit][toys]") {
    // t = (mu - 1)^2 on a grid of 0.1 against thresholds 1 + mu / 10: linear to 0.0025 in between.
    std::vector<NeymanPoint> points;
    for (int i = -10; i <= 40; ++i) {
        const double mu = 0.1 * i;
        points.push_back({mu, (mu - 1.0) * (mu - 1.0), 1.0 + mu / 10.0});
    }

    const auto ranges = accepted_ranges(points);

    // mu^2 - 2.1 mu = 0.
    REQUIRE(ranges.size() == 1);
    CHECK(ranges[0].low == Approx(0.0).margin(2e-3));
    CHECK(ranges[0].high == Approx(2.1).margin(2e-3));
    CHECK_FALSE(ranges[0].low_at_end);
    CHECK_FALSE(ranges[0].high_at_end);
}

TEST_CASE("two minima give two ranges, and a grid that ends inside says so", "[fit][toys]") {
    const std::vector<NeymanPoint> points{
        {0.0, 0.5, 1.0}, {1.0, 2.0, 1.0}, {2.0, 3.0, 1.0}, {3.0, 0.0, 1.0}, {4.0, 0.5, 1.0}};

    const auto ranges = accepted_ranges(points);

    REQUIRE(ranges.size() == 2);
    CHECK(ranges[0] == AcceptedRange{0.0, 1.0 / 3.0, true, false});
    CHECK(ranges[1].low == Approx(2.0 + 2.0 / 3.0));
    CHECK(ranges[1].high_at_end);
    CHECK(accepted_ranges(std::vector<NeymanPoint>{{0.0, 2.0, 1.0}, {1.0, 2.0, 1.0}}).empty());
}
