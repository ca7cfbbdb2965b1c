#include "ratiofarm/fit/histogram.hpp"

#include <cmath>
#include <limits>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/fit/fit.hpp"
#include "ratiofarm_test/catch.hpp"

#include "model_events.hpp"

using namespace ratiofarm;

namespace {

/// Exact contents of bins of the one-dimensional model, by a fine midpoint rule.
std::vector<double> toy_bins(std::size_t column, const std::vector<double>& edges) {
    const ModelDensities exact(test::golden_model);
    std::vector<double> bins;
    for (std::size_t b = 0; b + 1 < edges.size(); ++b) {
        const double step = (edges[b + 1] - edges[b]) / 2000.0;
        double sum = 0.0;
        for (int i = 0; i < 2000; ++i) {
            sum += step *
                   std::exp(exact.log_densities(std::array{edges[b] + (i + 0.5) * step})[column]);
        }
        bins.push_back(sum);
    }
    return bins;
}

std::vector<double> even_edges(std::size_t n) {
    std::vector<double> edges;
    for (std::size_t k = 0; k <= n; ++k) {
        edges.push_back(-12.0 + 24.0 * static_cast<double>(k) / static_cast<double>(n));
    }
    return edges;
}

double error_with_bins(std::size_t n) {
    const StatisticalModel model = test::interference_model();
    const auto edges = even_edges(n);
    const std::vector<std::vector<double>> bins{toy_bins(0, edges), toy_bins(1, edges),
                                                toy_bins(2, edges)};
    std::vector<double> data = bins[2];
    for (double& content : data) content *= model.unbinned[0].processes[2].yield;
    const std::vector<std::string> names{"S", "B", "SBI"};
    const EventSet events = histogram_ratios(names, bins, bins[1], data);
    const FitResult result =
        fit(Likelihood(model, test::data_of(events), test::one_rank), {}, Log());
    CHECK(result.parameters[0].value == Approx(1.0).margin(1e-7));
    return result.parameters[0].error;
}

}  // namespace

TEST_CASE("quantile edges hold equal numbers of values", "[fit]") {
    std::vector<float> values;
    for (int i = 0; i < 1000; ++i) values.push_back(static_cast<float>((i * 37) % 1000));

    const auto edges = quantile_edges(values, 10);
    const auto bins = fill_histogram(edges, values, std::vector<double>(1000, 1.0));

    CHECK(bins == std::vector<double>(10, 100.0));
    CHECK(edges.front() == 0.0);
    CHECK(edges.back() == 999.0);
}

TEST_CASE("equal values share a bin", "[fit]") {
    const std::vector<float> values{1, 1, 1, 1, 1, 1, 2, 3};

    CHECK(quantile_edges(values, 4) == std::vector<double>{1.0, 2.0, 3.0});
    CHECK(quantile_edges(std::vector<float>{5, 5}, 3) == std::vector<double>{5.0, 6.0});
}

TEST_CASE("every value falls into a bin, the last edge and outliers included", "[fit]") {
    const std::vector<double> edges{0.0, 1.0, 2.0};
    const std::vector<float> values{-5.0F, 0.0F, 0.999F, 1.0F, 2.0F, 7.0F};
    const std::vector<double> weight{1, 2, 4, 8, 16, 32};

    CHECK(fill_histogram(edges, values, weight) == std::vector<double>{7.0, 56.0});
}

TEST_CASE("one bin is the rate alone, many bins are the full likelihood", "[fit]") {
    // Rate only at mu = 1: H = (dnu/dmu)^2 / nu.
    const ModelDensities exact(test::golden_model);
    const double gradient = 100.0 + 0.5 * exact.interference_yield();
    const double rate_only = std::sqrt(exact.yield(SimulatedSample::combined)) / std::abs(gradient);

    const double one = error_with_bins(1);
    const double few = error_with_bins(6);
    const double many = error_with_bins(600);

    CHECK(one == Approx(rate_only).epsilon(1e-8));
    CHECK(one > few);
    CHECK(few > many);
    CHECK(many == Approx(0.4775850153).epsilon(1e-4));
    CHECK(many > 0.4775850153);
}

TEST_CASE("bins that cannot be used are named", "[fit]") {
    const std::vector<std::string> names{"S", "B"};
    const std::vector<double> good{1.0, 2.0, 3.0};
    const auto ratios = [&](std::vector<double> s, std::vector<double> reference) {
        return histogram_ratios(names, std::vector{std::move(s), good}, reference, good);
    };

    CHECK(ratios({1.0, 0.0, 3.0}, good).size() == 3);  // an empty process is a ratio of zero
    CHECK_THROWS_WITH(ratios({1.0, -2.0, 3.0}, good),
                      Catch::Matchers::Contains("bin 1 of 'S' holds -2"));
    CHECK_THROWS_AS(ratios(good, {1.0, 0.0, 3.0}), DataError);
}
