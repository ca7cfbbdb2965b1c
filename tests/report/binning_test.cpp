#include "report/binning.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

using ratiofarm::Binning;
using ratiofarm::DataError;

namespace {

std::vector<double> contents(const Binning& binning, const std::vector<float>& values) {
    std::vector<double> content(binning.bins());
    for (const float value : values) content[binning.bin_of(value)] += 1.0;
    return content;
}

}  // namespace

TEST_CASE("a value on an edge belongs to the bin above it", "[report]") {
    const Binning binning({0.0, 1.0, 2.0, 4.0});

    CHECK(binning.bin_of(0.0) == 0);
    CHECK(binning.bin_of(0.999) == 0);
    CHECK(binning.bin_of(1.0) == 1);
    CHECK(binning.bin_of(3.9) == 2);
}

TEST_CASE("values beyond the outer edges count in the outer bins", "[report]") {
    const Binning binning({0.0, 1.0, 2.0});

    CHECK(binning.bin_of(-100.0) == 0);
    CHECK(binning.bin_of(2.0) == 1);
    CHECK(binning.bin_of(1e300) == 1);
}

TEST_CASE("edges that do not rise or are not finite are refused", "[report]") {
    CHECK_THROWS_AS(Binning({1.0}), DataError);
    CHECK_THROWS_AS(Binning({0.0, 0.0}), DataError);
    CHECK_THROWS_AS(Binning({1.0, 0.0}), DataError);
    CHECK_THROWS_AS(Binning({0.0, std::numeric_limits<double>::infinity()}), DataError);
    CHECK_THROWS_AS(Binning::equal_width(1.0, 1.0, 4), DataError);
}

TEST_CASE("quantile bins hold equal weight", "[report]") {
    std::vector<float> values;
    for (int i = 0; i < 1000; ++i) values.push_back(static_cast<float>((i * 377) % 1000));
    const std::vector<double> weights(values.size(), 2.0);

    const Binning binning = Binning::quantiles(values, weights, 8);

    std::vector<int> counts(binning.bins(), 0);
    for (const float value : values) ++counts[binning.bin_of(value)];
    REQUIRE(binning.bins() == 8);
    for (const int count : counts) CHECK(std::abs(count - 125) <= 1);
    CHECK(binning.edges().front() == 0.0);
    CHECK(binning.edges().back() == 999.0);
}

TEST_CASE("quantiles follow the weights", "[report]") {
    const std::vector<float> values{3.0F, 1.0F, 2.0F};
    const std::vector<double> weights{1.0, 8.0, 1.0};
    const std::vector<double> fractions{0.0, 0.5, 0.85, 0.95, 1.0};

    const auto quantiles = ratiofarm::weighted_quantiles(values, weights, fractions);

    CHECK(quantiles == std::vector<double>{1.0, 1.0, 2.0, 3.0, 3.0});
}

TEST_CASE("a constant feature gets one bin", "[report]") {
    const std::vector<float> values(5, 2.5F);
    const std::vector<double> weights(5, 1.0);

    const Binning binning = Binning::quantiles(values, weights, 10);

    CHECK(binning.bins() == 1);
    CHECK(binning.bin_of(2.5) == 0);
}

TEST_CASE("halved bins resolve a narrow peak on a wide range", "[report]") {
    std::vector<float> values;
    for (int i = 0; i < 5000; ++i) values.push_back(10.0F * static_cast<float>(i) / 5000.0F);
    for (int i = 0; i < 5000; ++i) values.push_back(5.0F + 0.01F * static_cast<float>(i) / 5000.0F);
    const std::vector<double> weights(values.size(), 1.0);

    const Binning binning = Binning::halved(values, weights, 24, 50.0);

    std::size_t in_peak = 0;
    for (const double edge : binning.edges()) in_peak += edge > 4.99 && edge < 5.02 ? 1 : 0;
    CHECK(in_peak >= 9);
    CHECK(binning.edges().front() == 0.0);
    CHECK(binning.edges().back() == Approx(9.998));
    for (const double content : contents(binning, values)) CHECK(content >= 83.0);
}

TEST_CASE("sparse bins join their neighbours up to the ends of the axis", "[report]") {
    const Binning binning({0.0, 1.0, 2.0, 3.0, 4.0, 5.0});
    const std::vector<float> values{0.5F, 1.5F, 1.6F, 2.5F, 2.6F, 2.7F, 4.5F};
    const std::vector<double> weights(values.size(), 3.0);

    const Binning joined = binning.without_sparse_bins(values, weights, 3.0);

    CHECK(joined.edges() == std::vector<double>{0.0, 2.0, 5.0});
    CHECK(binning.without_sparse_bins(values, weights, 100.0).edges() ==
          std::vector<double>{0.0, 5.0});
    CHECK(binning.without_sparse_bins({}, {}, 1.0).bins() == 1);
}

TEST_CASE("the outline of halved bins is that of a smooth density", "[report]") {
    std::mt19937 random(5);
    std::normal_distribution<float> normal;
    std::vector<float> values(4000);
    for (float& value : values) value = normal(random);
    const std::vector<double> weights(values.size(), 0.5);

    const Binning binning = Binning::halved(values, weights, 24, 50.0);

    const std::vector<double> content = contents(binning, values);
    CHECK(binning.bins() >= 20);
    CHECK(binning.bins() <= 60);
    const auto below = [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
    for (std::size_t b = 1; b + 1 < binning.bins(); ++b) {
        CAPTURE(b, binning.edges()[b], binning.edges()[b + 1]);
        const auto& edges = binning.edges();
        const double expected = 4000.0 * (below(edges[b + 1]) - below(edges[b]));
        CHECK(std::abs(content[b] - expected) < 4.0 * std::sqrt(expected));
        // No narrow bin stands between wide ones, as it would between quantiles of two samples.
        if (std::abs(binning.centre(b)) > 1.0) continue;
        const double ratio = binning.width(b) / binning.width(b + 1);
        CHECK(std::max(ratio, 1.0 / ratio) < 2.001);
    }
}

TEST_CASE("halved bins give each of few values a bin", "[report]") {
    std::vector<float> values;
    for (int i = 0; i < 6000; ++i) values.push_back(static_cast<float>(i % 6));
    const std::vector<double> weights(values.size(), 1.0);

    const Binning binning = Binning::halved(values, weights, 24, 50.0);

    CHECK(binning.edges() == std::vector<double>{0.0, 0.5, 1.5, 2.5, 3.5, 4.5, 5.0});
    CHECK(Binning::halved(std::vector<float>(9, 2.0F), std::vector<double>(9, 1.0), 24, 50.0)
              .bins() == 1);
    CHECK(Binning::halved(std::vector<float>{1.0F, 2.0F}, std::vector<double>(2, 1.0), 24, 0.0)
              .edges() == std::vector<double>{1.0, 1.5, 2.0});
}

TEST_CASE("a value that many events share is not cut ever finer", "[report]") {
    std::vector<float> values(3000, 0.25F);
    for (int i = 0; i < 7000; ++i) values.push_back(static_cast<float>(i) / 7000.0F);
    const std::vector<double> weights(values.size(), 1.0);

    const Binning binning = Binning::halved(values, weights, 24, 50.0);

    CHECK(binning.width(binning.bin_of(0.25)) > 0.005);
    CHECK(binning.bins() < 60);
}
