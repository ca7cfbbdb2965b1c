#include "fit/search/trust_region.hpp"

#include <cmath>

#include "core/philox.hpp"
#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

namespace {

double model_at(const Eigen::VectorXd& g, const Eigen::MatrixXd& h, const Eigen::VectorXd& d) {
    return g.dot(d) + 0.5 * d.dot(h * d);
}

/// The least value on and inside a circle, by brute force.
double brute_force_minimum(const Eigen::VectorXd& g, const Eigen::MatrixXd& h, double radius) {
    double least = 0.0;
    for (int ring = 1; ring <= 200; ++ring) {
        for (int k = 0; k < 720; ++k) {
            const double angle = 2.0 * M_PI * k / 720;
            const Eigen::Vector2d d =
                radius * ring / 200.0 * Eigen::Vector2d(std::cos(angle), std::sin(angle));
            least = std::min(least, model_at(g, h, d));
        }
    }
    return least;
}

}  // namespace

TEST_CASE("inside the region the step is Newton's", "[fit]") {
    const Eigen::Vector2d g(1.0, -2.0);
    const Eigen::Matrix2d h{{4.0, 1.0}, {1.0, 3.0}};

    const Eigen::VectorXd step = trust_region_step(g, h, 10.0);

    CHECK((h * step + g).norm() < 1e-12);
}

TEST_CASE("the step is the least of the model in the region, whatever the curvature", "[fit]") {
    PhiloxSequence random(1);
    for (int trial = 0; trial < 60; ++trial) {
        const double a = 3.0 * random.normal();
        const double b = 3.0 * random.normal();
        const double c = 3.0 * random.normal();
        const Eigen::Matrix2d h{{a, b}, {b, c}};
        const Eigen::Vector2d g(random.normal(), random.normal());
        const double radius = 0.1 + 2.0 * random.uniform();

        const Eigen::VectorXd step = trust_region_step(g, h, radius);

        const double least = brute_force_minimum(g, h, radius);
        CHECK(step.norm() <= radius * (1.0 + 1e-6));
        CHECK(model_at(g, h, step) <= least + 1e-6 * std::abs(least));
    }
}

TEST_CASE("at a saddle point the step goes down the falling direction", "[fit]") {
    const Eigen::Vector2d g(0.0, 0.0);
    const Eigen::Matrix2d h{{2.0, 0.0}, {0.0, -1.0}};

    const Eigen::VectorXd step = trust_region_step(g, h, 0.5);

    CHECK(std::abs(step[1]) == Approx(0.5));
    CHECK(model_at(g, h, step) == Approx(-0.125));
}

TEST_CASE("the hard case uses the whole radius", "[fit]") {
    // No gradient along the falling direction, and the rest of the step is short.
    const Eigen::Vector2d g(0.3, 0.0);
    const Eigen::Matrix2d h{{2.0, 0.0}, {0.0, -1.0}};

    const Eigen::VectorXd step = trust_region_step(g, h, 1.0);

    CHECK(step.norm() == Approx(1.0).epsilon(1e-6));
    CHECK(model_at(g, h, step) <= brute_force_minimum(g, h, 1.0) + 1e-9);
}

TEST_CASE("without slope and curvature the step stays finite", "[fit]") {
    const Eigen::VectorXd step =
        trust_region_step(Eigen::Vector2d(0.0, 0.0), Eigen::Matrix2d::Zero(), 1.0);

    CHECK(step.allFinite());
    CHECK(step.norm() <= 1.0 + 1e-12);
}

TEST_CASE("a step never leaves its box and reaches its sides exactly", "[fit]") {
    const Eigen::Vector2d g(-10.0, -1.0);
    const Eigen::Matrix2d h{{2.0, 0.5}, {0.5, 2.0}};
    const StepBox box{Eigen::Vector2d(-1.0, -1.0), Eigen::Vector2d(0.25, 1.0)};

    const Eigen::VectorXd step = bounded_step(g, h, box, 10.0);

    CHECK(step[0] == 0.25);
    CHECK(step[1] == Approx((1.0 - 0.5 * 0.25) / 2.0));  // Newton along the side
}
