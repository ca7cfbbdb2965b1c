// Random numbers and draws of toys, against the distributions they claim.

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "ratiofarm_test/catch.hpp"

#include "fit/toys/toys_draw.hpp"

using namespace ratiofarm;

namespace {

/// Pearson's chi-square of Poisson draws against the probabilities, and its number of bins.
struct ChiSquare {
    double value = 0.0;
    int bins = 0;
};

ChiSquare chi_square_of_poisson(double mean, std::uint64_t n) {
    std::map<std::uint64_t, double> counts;
    PhiloxSequence random(17, 3);
    for (std::uint64_t i = 0; i < n; ++i) counts[poisson(random, mean)] += 1.0;
    ChiSquare result;
    double expected_rest = static_cast<double>(n);
    double rest = expected_rest;
    for (std::uint64_t k = 0; k < 100 + static_cast<std::uint64_t>(2.0 * mean); ++k) {
        const auto x = static_cast<double>(k);
        const double expected =
            static_cast<double>(n) * std::exp(x * std::log(mean) - mean - std::lgamma(x + 1.0));
        if (expected < 10.0) continue;
        const double found = counts[k];
        result.value += (found - expected) * (found - expected) / expected;
        result.bins += 1;
        rest -= found;
        expected_rest -= expected;
    }
    result.value += (rest - expected_rest) * (rest - expected_rest) / std::max(expected_rest, 1.0);
    return result;
}

}  // namespace

TEST_CASE("log_factorial is that of the library", "[fit][toys]") {
    for (const double k : {0.0, 1.0, 2.0, 5.0, 9.0, 10.0, 11.0, 50.0, 1e3, 1e6, 1e12}) {
        CHECK(log_factorial(k) == Approx(std::lgamma(k + 1.0)).epsilon(1e-13).margin(1e-11));
    }
}

TEST_CASE("Poisson draws follow the Poisson distribution", "[fit][toys]") {
    for (const double mean : {0.3, 4.0, 9.9, 10.1, 30.0, 700.0}) {
        const ChiSquare chi = chi_square_of_poisson(mean, 200000);
        CAPTURE(mean, chi.value, chi.bins);
        // Five standard deviations of a chi-square.
        CHECK(chi.value < chi.bins + 5.0 * std::sqrt(2.0 * chi.bins) + 5.0);
    }
    PhiloxSequence random(1, 1);
    CHECK(poisson(random, 0.0) == 0);
}

TEST_CASE("Poisson draws of a large mean have its mean and variance", "[fit][toys]") {
    constexpr int n = 20000;
    constexpr double mean = 3e6;
    PhiloxSequence random(5, 1);
    double sum = 0.0;
    double squares = 0.0;
    for (int i = 0; i < n; ++i) {
        const double d = static_cast<double>(poisson(random, mean)) - mean;
        sum += d;
        squares += d * d;
    }
    CHECK(std::abs(sum / n) < 5.0 * std::sqrt(mean / n));
    CHECK(squares / n == Approx(mean).epsilon(5.0 * std::sqrt(2.0 / n)));
}

TEST_CASE("each event of a weighted list is drawn Poisson(weight) times", "[fit][toys]") {
    const std::vector<double> weights{0.5, 0.0, 2.0, -0.3, 0.01, 3.0, 0.0};
    const WeightedDraw draw(weights);
    CHECK(draw.expected() == Approx(5.21));  // what is negative is made up for
    constexpr int n = 40000;
    std::vector<double> sum(weights.size());
    std::vector<double> squares(weights.size());
    double product = 0.0;
    for (int toy = 0; toy < n; ++toy) {
        PhiloxSequence random(99, static_cast<std::uint64_t>(toy));
        std::vector<double> times(weights.size());
        for (const DrawnRow& row : draw.draw(random)) {
            times[row.row] = static_cast<double>(row.times);
        }
        for (std::size_t i = 0; i < weights.size(); ++i) {
            sum[i] += times[i];
            squares[i] += times[i] * times[i];
        }
        product += times[2] * times[5];
    }
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const double mean = std::max(weights[i], 0.0) * 5.21 / 5.51;
        CAPTURE(i);
        CHECK(std::abs(sum[i] / n - mean) <= 5.0 * std::sqrt(mean / n));
        const double variance = squares[i] / n - sum[i] * sum[i] / n / n;
        CHECK(std::abs(variance - mean) <= 5.0 * std::sqrt((mean + 2.0 * mean * mean) / n));
    }
    // Counts of two events are independent.
    CHECK(product / n - sum[2] * sum[5] / n / n == Approx(0.0).margin(5.0 * std::sqrt(6.0 / n)));
}

TEST_CASE("a draw takes the first row whose sum is beyond each random number", "[fit][toys]") {
    // Long lists are sorted, short ones counted; rows without weight stand together.
    for (const std::size_t n : {std::size_t{1}, std::size_t{700}, std::size_t{200000}}) {
        std::vector<double> weights(n);
        for (std::size_t i = 0; i < n; ++i) {
            weights[i] = i / 50 % 2 == 0 ? 1e-6 * static_cast<double>(1 + i * i % 997) : 0.0;
        }
        double sum = 0.0;
        for (const double weight : weights) sum += weight;
        for (double& weight : weights) weight *= 400.0 / sum;
        std::vector<double> upto(n);
        std::partial_sum(weights.begin(), weights.end(), upto.begin());

        PhiloxSequence random(3, n);
        std::map<std::uint64_t, std::uint64_t> expected;
        for (std::uint64_t left = poisson(random, upto.back()); left > 0; --left) {
            const double at = random.uniform() * upto.back();
            ++expected[static_cast<std::uint64_t>(std::ranges::upper_bound(upto, at) -
                                                  upto.begin())];
        }
        PhiloxSequence again(3, n);
        std::map<std::uint64_t, std::uint64_t> drawn;
        const auto rows = WeightedDraw(weights).draw(again);
        for (const DrawnRow& row : rows) drawn[row.row] = row.times;
        CHECK(drawn == expected);
        CHECK(drawn.size() == rows.size());
        CHECK(std::ranges::is_sorted(rows, {}, &DrawnRow::row));
    }
}

TEST_CASE("toys of real events share none until the sample is used up", "[fit][toys]") {
    constexpr std::uint64_t n = 1000;
    const DisjointDraw draw(n, 30.0, 7);
    const auto first = draw.first_events({0, 60});
    std::vector<int> used(n);
    double sum = 0.0;
    for (std::uint64_t toy = 0; toy < 60; ++toy) {
        const auto rows = draw.draw(first[toy], first[toy + 1] - first[toy]);
        CHECK(rows.size() == draw.count(toy));
        sum += static_cast<double>(rows.size());
        for (const DrawnRow& row : rows) {
            CHECK(row.times == 1);
            ++used[row.row];
        }
    }
    CHECK(sum / 60.0 == Approx(30.0).margin(5.0 * std::sqrt(0.5)));
    // 60 toys take the list once and most of it a second time.
    const auto [least, most] = std::minmax_element(used.begin(), used.end());
    CHECK(*least == 1);
    CHECK(*most == 2);
    // The same toys from the middle.
    const auto later = draw.first_events({20, 22});
    CHECK(later == std::vector(first.begin() + 20, first.begin() + 23));
}
