#include "ratiofarm/fit/goodness_of_fit.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

TEST_CASE("the tail of chi2 is what closed forms and tables say", "[fit]") {
    for (const double x : {0.01, 0.5, 1.0, 2.9, 3.1, 10.0, 60.0}) {
        CHECK(chi2_tail(x, 1.0) == Approx(std::erfc(std::sqrt(x / 2.0))).epsilon(1e-12));
        CHECK(chi2_tail(x, 2.0) == Approx(std::exp(-x / 2.0)).epsilon(1e-12));
        CHECK(chi2_tail(x, 4.0) == Approx(std::exp(-x / 2.0) * (1.0 + x / 2.0)).epsilon(1e-12));
    }
    CHECK(chi2_tail(18.307038053275146, 10.0) == Approx(0.05).epsilon(1e-10));
    CHECK(chi2_tail(0.0, 3.0) == 1.0);
}

TEST_CASE("the deviance is zero where all is as expected, and chi2 near that", "[fit]") {
    const std::vector<double> expected{100.0, 2.5, 1e6};

    CHECK(poisson_deviance(expected, expected) == Approx(0.0).margin(1e-9));
    CHECK(poisson_deviance(std::vector{100.0, 2.5, 1e6 + 100.0}, expected) ==
          Approx(0.01).epsilon(1e-3));
    CHECK(poisson_deviance(std::vector{0.0}, std::vector{3.0}) == 6.0);
    CHECK(poisson_deviance(std::vector{2.0}, std::vector{0.0}) > 50.0);
}

TEST_CASE("constraints count as the measurements that they are", "[fit]") {
    StatisticalModel model;
    model.parameters = {{.name = "mu"}, {.name = "alpha"}, {.name = "gamma"}, {.name = "held"}};
    model.parameters[1].constraint = {Constraint::Kind::gaussian, 0.5, 2.0};
    model.parameters[2].constraint = {Constraint::Kind::poisson, 1.0, 0.1};
    model.parameters[3].constraint = {Constraint::Kind::gaussian, 0.0, 1.0};
    model.parameters[3].fixed = true;

    // gamma = 1.2 with a width of 0.1: 100 events were counted where 120 are expected.
    const double poisson = poisson_deviance(std::vector{100.0}, std::vector{120.0});
    CHECK(constraint_deviance(model, std::vector{3.0, 1.5, 1.2, 7.0},
                              std::vector{0.0, 0.5, 1.0, 0.0}) == Approx(0.25 + poisson));
}

TEST_CASE("quantiles cut a weighted list into equal parts", "[fit]") {
    std::vector<double> values;
    std::vector<double> weights;
    for (int i = 0; i < 1000; ++i) {
        values.push_back((i * 617) % 1000);  // every number once
        weights.push_back(values.back() < 500.0 ? 3.0 : 1.0);
    }

    const auto edges = weighted_quantiles(values, weights, 4);

    REQUIRE(edges.size() == 3);
    std::vector<double> content(4, 0.0);
    for (std::size_t i = 0; i < values.size(); ++i) content[bin_of(edges, values[i])] += weights[i];
    for (const double sum : content) CHECK(std::abs(sum - 500.0) <= 3.0);
    CHECK(weighted_quantiles(std::vector(50, 2.0), std::vector(50, 1.0), 10).empty());
    // Most of the list at one value: its bin is large, and no two edges are equal.
    std::vector<double> peaked(100, 1.0);
    std::fill(peaked.begin(), peaked.begin() + 20, 0.0);
    std::fill(peaked.begin() + 80, peaked.end(), 2.0);
    CHECK(weighted_quantiles(peaked, std::vector(100, 1.0), 10) == std::vector{1.0, 2.0});
    // What follows a value that many have is cut into parts of its own, none a sliver.
    for (const bool above : {false, true}) {
        std::vector<double> spike(1000);
        for (std::size_t i = 0; i < spike.size(); ++i) {
            const double other = static_cast<double>(i) / 1000.0;
            spike[i] = i < 400 ? (above ? 2.0 : -1.0) : other;
        }
        const auto cut = weighted_quantiles(spike, std::vector(1000, 1.0), 20);
        std::vector<double> sums(cut.size() + 1, 0.0);
        for (const double value : spike) sums[bin_of(cut, value)] += 1.0;
        INFO("edges: " << cut.size());
        CHECK(cut.size() + 1 >= 12);
        CHECK(*std::ranges::min_element(sums) >= 25.0);
    }
    CHECK(bin_of(edges, -1e9) == 0);
    CHECK(bin_of(edges, 1e9) == 3);
    CHECK(bin_of(edges, edges[1]) == 2);  // an edge belongs to the bin above it
}
