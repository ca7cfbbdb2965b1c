#include "fit/search/trust_region.hpp"

#include <algorithm>
#include <cmath>

#include "ratiofarm_test/catch.hpp"

#include "core/philox.hpp"

using namespace ratiofarm;

namespace {

using dense::Matrix;
using dense::Vector;

/// The symmetric matrix of two rows.
Matrix two_rows(double aa, double ab, double bb) {
    Matrix matrix(2, 2);
    matrix(0, 0) = aa;
    matrix(0, 1) = matrix(1, 0) = ab;
    matrix(1, 1) = bb;
    return matrix;
}

double model_at(const Vector& g, const Matrix& h, const Vector& d) {
    return g[0] * d[0] + g[1] * d[1] +
           0.5 * (h(0, 0) * d[0] * d[0] + 2.0 * h(0, 1) * d[0] * d[1] + h(1, 1) * d[1] * d[1]);
}

/// The least value on and inside a circle, by brute force.
double brute_force_minimum(const Vector& g, const Matrix& h, double radius) {
    double least = 0.0;
    for (int ring = 1; ring <= 200; ++ring) {
        const double length = radius * ring / 200.0;
        for (int k = 0; k < 720; ++k) {
            const double angle = 2.0 * M_PI * k / 720;
            const Vector d{length * std::cos(angle), length * std::sin(angle)};
            least = std::min(least, model_at(g, h, d));
        }
    }
    return least;
}

}  // namespace

TEST_CASE("inside the region the step is Newton's", "[fit]") {
    const Vector g{1.0, -2.0};
    const Matrix h = two_rows(4.0, 1.0, 3.0);

    const Vector step = trust_region_step(g, h, 10.0);

    for (std::size_t k = 0; k < 2; ++k) {
        CHECK(std::abs(h(k, 0) * step[0] + h(k, 1) * step[1] + g[k]) < 1e-12);
    }
}

TEST_CASE("the step is the least of the model in the region, whatever the curvature", "[fit]") {
    PhiloxSequence random(1);
    for (int trial = 0; trial < 60; ++trial) {
        const double a = 3.0 * random.normal();
        const double b = 3.0 * random.normal();
        const double c = 3.0 * random.normal();
        const Matrix h = two_rows(a, b, c);
        const Vector g{random.normal(), random.normal()};
        const double radius = 0.1 + 2.0 * random.uniform();

        const Vector step = trust_region_step(g, h, radius);

        const double least = brute_force_minimum(g, h, radius);
        CHECK(std::hypot(step[0], step[1]) <= radius * (1.0 + 1e-6));
        CHECK(model_at(g, h, step) <= least + 1e-6 * std::abs(least));
    }
}

TEST_CASE("at a saddle point the step goes down the falling direction", "[fit]") {
    const Vector g{0.0, 0.0};
    const Matrix h = two_rows(2.0, 0.0, -1.0);

    const Vector step = trust_region_step(g, h, 0.5);

    CHECK(std::abs(step[1]) == Approx(0.5));
    CHECK(model_at(g, h, step) == Approx(-0.125));
}

TEST_CASE("the hard case uses the whole radius", "[fit]") {
    // No gradient along the falling direction, and the rest of the step is short.
    const Vector g{0.3, 0.0};
    const Matrix h = two_rows(2.0, 0.0, -1.0);

    const Vector step = trust_region_step(g, h, 1.0);

    CHECK(std::hypot(step[0], step[1]) == Approx(1.0).epsilon(1e-6));
    CHECK(model_at(g, h, step) <= brute_force_minimum(g, h, 1.0) + 1e-9);
}

TEST_CASE("without slope and curvature the step stays finite", "[fit]") {
    const Vector step = trust_region_step({0.0, 0.0}, two_rows(0.0, 0.0, 0.0), 1.0);

    CHECK(std::isfinite(step[0]));
    CHECK(std::isfinite(step[1]));
    CHECK(std::hypot(step[0], step[1]) <= 1.0 + 1e-12);
}

TEST_CASE("a step never leaves its box and reaches its sides exactly", "[fit]") {
    const Vector g{-10.0, -1.0};
    const Matrix h = two_rows(2.0, 0.5, 2.0);
    const StepBox box{{-1.0, -1.0}, {0.25, 1.0}};

    const Vector step = bounded_step(g, h, box, 10.0);

    CHECK(step[0] == 0.25);
    CHECK(step[1] == Approx((1.0 - 0.5 * 0.25) / 2.0));  // Newton along the side
}
