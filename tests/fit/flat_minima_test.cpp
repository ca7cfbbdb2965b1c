// Minima that are no points: of a product of two factors, on its hyperbola and in its corner.
#include <cmath>

#include "ratiofarm_test/catch.hpp"

#include "fit/search/newton.hpp"

using namespace ratiofarm;

namespace {

/// One bin that expects signal x y + background and sees `observed`: a signal with a strength x and
/// a free factor y of its bin.
struct Product {
    double observed;
    double signal = 10.0;
    double background = 30.0;

    double at_expected(double expected) const { return expected - observed * std::log(expected); }

    Evaluation operator()(std::span<const double> u) const {
        const double expected = signal * u[0] * u[1] + background;
        const double slope = signal * (1.0 - observed / expected);
        const double bend = signal * signal * observed / (expected * expected);
        Evaluation at;
        at.nll = at_expected(expected);
        at.gradient = {slope * u[1], slope * u[0]};
        at.hessian = {bend * u[1] * u[1], bend * u[0] * u[1] + slope, bend * u[0] * u[1] + slope,
                      bend * u[0] * u[0]};
        at.fisher = {bend * u[1] * u[1], bend * u[0] * u[1], bend * u[0] * u[1],
                     bend * u[0] * u[0]};
        return at;
    }
};

/// The same, whose background falls with z, constrained around 1; beside it nothing.
struct CoupledProduct {
    Product product;
    double width = 0.1;

    Evaluation operator()(std::span<const double> u) const {
        const double s = product.signal;
        const double expected = s * u[0] * u[1] + product.background * u[2];
        const double slope = 1.0 - product.observed / expected;
        const double bend = product.observed / (expected * expected);
        const std::vector<double> d{s * u[1], s * u[0], product.background};
        Evaluation at;
        at.nll = product.at_expected(expected) + 0.5 * std::pow((u[2] - 1.0) / width, 2);
        for (std::size_t a = 0; a < 3; ++a) {
            at.gradient.push_back(slope * d[a]);
            for (std::size_t b = 0; b < 3; ++b) at.hessian.push_back(bend * d[a] * d[b]);
        }
        at.hessian[1] += slope * s;
        at.hessian[3] += slope * s;
        at.gradient[2] += (u[2] - 1.0) / (width * width);
        at.hessian[8] += 1.0 / (width * width);
        at.fisher = at.hessian;
        return at;
    }
};

SearchSpace factors() { return {{0.0, 0.0}, {10.0, 10.0}, {false, false}}; }

NewtonResult found(const Objective& objective, const SearchSpace& space, std::vector<double> from) {
    return minimise(objective, space, std::move(from), {.max_iterations = 20});
}

}  // namespace

TEST_CASE("an excess with two factors ends anywhere on their hyperbola", "[fit]") {
    const Product excess{.observed = 50.0};
    for (const auto& start : std::vector<std::vector<double>>{
             {1.0, 1.0}, {5.0, 0.2}, {0.3, 6.0}, {0.0, 1.0}, {9.0, 9.0}, {1.0, 0.9}}) {
        INFO(start[0] << ", " << start[1]);

        const NewtonResult end = found(excess, factors(), start);

        CHECK(end.end == NewtonEnd::converged);
        CHECK(end.u[0] * end.u[1] == Approx(2.0).epsilon(1e-6));
        CHECK(end.at.nll == Approx(excess.at_expected(50.0)).epsilon(1e-13));
    }
}

TEST_CASE("an excess leaves the corner where both factors are 0", "[fit]") {
    const NewtonResult end = found(Product{.observed = 50.0}, factors(), {0.0, 0.0});

    CHECK(end.end == NewtonEnd::converged);
    CHECK(end.u[0] * end.u[1] == Approx(2.0).epsilon(1e-6));
}

TEST_CASE("a deficit with two factors ends where their product is 0", "[fit]") {
    const Product deficit{.observed = 20.0};
    for (const auto& start : std::vector<std::vector<double>>{
             {1.0, 1.0}, {5.0, 0.2}, {0.0, 0.0}, {0.0, 1.0}, {9.0, 9.0}}) {
        INFO(start[0] << ", " << start[1]);

        const NewtonResult end = found(deficit, factors(), start);

        CHECK(end.end == NewtonEnd::converged);
        CHECK(end.u[0] * end.u[1] == 0.0);
        CHECK(end.at.nll == Approx(deficit.at_expected(30.0)).epsilon(1e-14));
    }
}

TEST_CASE("the upper ends of two ranges are a corner, too", "[fit]") {
    const SearchSpace below{{-10.0, -10.0}, {0.0, 0.0}, {false, false}};

    const NewtonResult deficit = found(Product{.observed = 20.0}, below, {-1.0, -1.0});
    const NewtonResult excess = found(Product{.observed = 50.0}, below, {0.0, 0.0});

    CHECK(deficit.end == NewtonEnd::converged);
    CHECK(deficit.u[0] * deficit.u[1] == 0.0);
    CHECK(excess.end == NewtonEnd::converged);
    CHECK(excess.u[0] * excess.u[1] == Approx(2.0).epsilon(1e-6));
}

TEST_CASE("a corner where an upper and a lower end meet falls inwards for a deficit", "[fit]") {
    const SearchSpace mixed{{0.0, -2.0}, {2.0, 0.0}, {false, false}};

    const NewtonResult deficit = found(Product{.observed = 20.0}, mixed, {0.0, 0.0});

    CHECK(deficit.end == NewtonEnd::converged);
    CHECK(deficit.u[0] * deficit.u[1] == Approx(-1.0).epsilon(1e-6));  // 30 - 10 = 20
}

TEST_CASE("a corner is a minimum beside a parameter that follows the data", "[fit]") {
    const CoupledProduct deficit{{.observed = 20.0}};
    const SearchSpace space{{0.0, 0.0, 0.0}, {10.0, 10.0, 2.0}, {false, false, false}};

    const NewtonResult end = found(deficit, space, {1.0, 1.0, 1.0});

    CHECK(end.end == NewtonEnd::converged);
    CHECK(end.u[0] * end.u[1] == 0.0);
    // 30 - 20 / z + (z - 1) / width^2 = 0
    const double a = 100.0, b = 30.0 - 100.0, c = -20.0;
    CHECK(end.u[2] == Approx((-b + std::sqrt(b * b - 4.0 * a * c)) / (2.0 * a)).epsilon(1e-6));
}
