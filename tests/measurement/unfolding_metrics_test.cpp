#include "measurement/unfolding/unfolding_metrics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

namespace {

double normal_below(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

/// N(mean, 1) in ten bins with edges -2, -1.5 ... 2 and open ends.
std::vector<double> ten_bins(double mean) {
    std::vector<double> contents;
    double before = 0.0;
    for (int i = 0; i < 9; ++i) {
        const double below = normal_below(-2.0 + 0.5 * i - mean);
        contents.push_back(below - before);
        before = below;
    }
    contents.push_back(1.0 - before);
    return contents;
}

}  // namespace

TEST_CASE("the triangular discriminator of iterations is that of the closed form", "[unfolding]") {
    const auto truth = ten_bins(0.0);

    CHECK(1000.0 * triangular_discriminator(ten_bins(1.0), truth) ==
          Approx(200.111180).epsilon(1e-7));
    CHECK(1000.0 * triangular_discriminator(ten_bins(0.2), truth) ==
          Approx(9.660820).epsilon(1e-6));
    CHECK(1000.0 * triangular_discriminator(ten_bins(0.04), truth) ==
          Approx(0.389958).epsilon(2e-6));
    CHECK(1000.0 * triangular_discriminator(ten_bins(0.008), truth) ==
          Approx(0.015604).epsilon(1e-4));
    const auto fine_bins = [](double mean) {
        std::vector<double> contents;
        for (int i = 0; i < 4000; ++i) {
            const double x = -8.0 + 0.00425 * (i + 0.5) - mean;
            contents.push_back(std::exp(-0.5 * x * x));
        }
        return contents;
    };
    for (const auto& [mean, unbinned] :
         {std::pair{1.0, 204.054266}, {0.2, 9.901625}, {0.04, 0.399840}, {0.008, 0.016000}}) {
        CHECK(1000.0 * triangular_discriminator(fine_bins(mean), fine_bins(0.0)) ==
              Approx(unbinned).margin(1e-6));
    }
    CHECK(triangular_discriminator(std::array{1.0, 0.0}, std::array{0.0, 5.0}) == 1.0);
    CHECK(std::isnan(triangular_discriminator(std::array{0.0, 0.0}, std::array{0.0, 5.0})));
}

TEST_CASE("the distance of two Gaussians of one width is that of their means", "[unfolding]") {
    std::vector<double> values, at_zero, at_fifth;
    std::vector<std::size_t> order;
    for (int i = 0; i < 4000; ++i) {
        const double x = -8.0 + 0.004 * ((i * 7) % 4000);  // not in order
        values.push_back(x);
        at_zero.push_back(std::exp(-0.5 * x * x));
        at_fifth.push_back(3.0 * std::exp(-0.5 * (x - 0.2) * (x - 0.2)));
        order.push_back(static_cast<std::size_t>(i));
    }
    std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });

    CHECK(wasserstein_distance(values, order, at_zero, at_fifth) == Approx(0.2).epsilon(1e-6));
    CHECK(wasserstein_distance(values, order, at_zero, at_zero) == 0.0);
    std::vector<double> before, after;  // N(0.8, 1.8) and N(1, 2.25)
    for (const double x : values) {
        before.push_back(std::exp(-0.5 * (x - 0.8) * (x - 0.8) / 1.8));
        after.push_back(std::exp(-0.5 * (x - 1.0) * (x - 1.0) / 2.25));
    }
    CHECK(wasserstein_distance(values, order, before, after) == Approx(0.2155932).epsilon(1e-4));
}

TEST_CASE("a chi2 of independent bins is Pearson's", "[unfolding]") {
    const auto expected = ten_bins(0.0);
    const auto found = ten_bins(0.2);
    std::vector<double> difference;
    Covariance v(100, 0.0);
    for (std::size_t bin = 0; bin < 10; ++bin) {
        difference.push_back(1e4 * (found[bin] - expected[bin]));
        v[11 * bin] = 1e4 * expected[bin];
    }

    const Chi2 chi2 = chi2_of(difference, v, 0);

    CHECK(chi2.value == Approx(396.88198).epsilon(1e-6));
    CHECK(chi2.rank == 10);
    CHECK(chi2_of(difference, v, 101).value == Approx(396.88198 * 89.0 / 100.0).epsilon(1e-6));
}

TEST_CASE("a covariance of few replicas shows its rank and gives no p-value", "[unfolding]") {
    const std::vector<std::vector<double>> replicas{{1, 2, 3}, {2, 2, 5}};

    const Covariance v = covariance_of(replicas);
    const Chi2 chi2 = chi2_of(std::array{0.5, 0.0, 1.0}, v, 2);

    CHECK(v == Covariance{0.5, 0, 1, 0, 0, 0, 1, 0, 2});
    CHECK(chi2.rank == 1);
    CHECK(chi2.value == Approx(0.5));
    CHECK(std::isnan(chi2.p_value));
}

TEST_CASE("values beyond the edges are counted apart", "[unfolding]") {
    const std::array edges{0.0, 1.0, 2.0};
    WeightedBins bins(2);

    for (const double value : {-1.0, 0.0, 0.5, 1.0, 2.0}) bins.add(edges, value, 2.0);

    CHECK(bins.contents == std::vector{4.0, 2.0});
    CHECK(bins.squares == std::vector{8.0, 4.0});
    CHECK(bins.below == 2.0);
    CHECK(bins.above == 2.0);
}

TEST_CASE("a number on a decimal edge is in the bin above, as columns of 32 bits have it",
          "[unfolding]") {
    const std::vector<double> edges{0.0, 0.1, 0.7, 0.9, 1.0};
    WeightedBins bins(edges.size() - 1);

    for (const float value : {0.1F, 0.7F, 0.9F, 1.0F}) bins.add(edges, value, 1.0);

    CHECK(bins.contents == std::vector{0.0, 1.0, 1.0, 1.0});
    CHECK(bins.above == 1.0);
}
