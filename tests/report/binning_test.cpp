#include "report/binning.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

using ratiofarm::Binning;
using ratiofarm::DataError;

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

TEST_CASE("adaptive bins resolve a narrow peak on a wide range", "[report]") {
    std::vector<float> values;
    for (int i = 0; i < 5000; ++i) values.push_back(10.0F * static_cast<float>(i) / 5000.0F);
    for (int i = 0; i < 5000; ++i) values.push_back(5.0F + 0.01F * static_cast<float>(i) / 5000.0F);
    const std::vector<double> weights(values.size(), 1.0);

    const Binning binning = Binning::adaptive(values, weights, 20, 0.01);

    std::size_t in_peak = 0;
    std::vector<double> content(binning.bins(), 0.0);
    for (const double edge : binning.edges()) in_peak += edge > 4.99 && edge < 5.02 ? 1 : 0;
    for (const float value : values) content[binning.bin_of(value)] += 1.0;
    CHECK(in_peak >= 9);
    CHECK(binning.edges().front() == 0.0);
    CHECK(binning.edges().back() == Approx(9.998));
    CHECK(content.front() == Approx(100.0).margin(2.0));
    for (std::size_t b = 0; b + 1 < binning.bins(); ++b) {
        CHECK(binning.width(b) < 1.1);
        if (b > 0 && b + 2 < binning.bins()) CHECK(content[b] >= 100.0);
    }
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

TEST_CASE("a narrow peak of few of the events gets bins of its own", "[report]") {
    constexpr int n = 4000;
    std::vector<float> wide;
    std::vector<float> peak;
    for (int i = 0; i < n; ++i) {
        wide.push_back(static_cast<float>(i) / n);
        peak.push_back(0.5F + 0.01F * static_cast<float>(i) / n);
    }
    const std::vector<double> weights(n, 1.0);
    const Binning coarse = Binning::adaptive(wide, weights, 24, 0.002);
    const auto within = [](const Binning& binning) {
        return std::ranges::count_if(binning.edges(),
                                     [](double edge) { return edge > 0.5 && edge < 0.51; });
    };

    const Binning fine = coarse.resolving(peak, weights, 24, 50.0);

    CHECK(within(coarse) <= 1);
    CHECK(within(fine) >= 20);
    CHECK(fine.bins() <= coarse.bins() + 24);
}
