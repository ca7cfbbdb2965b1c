#include "simulation/model_variation.hpp"

#include <cmath>

#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

namespace {

const InterferenceToy toy_1d{{100.0, {1.5}, {{1.0}}}, {900.0, {0.0}, {{2.25}}}, -0.6};
const ToyVariation alpha_1{"1", {{0.2}, {1.10, 0.92}}, {}};
const ToyVariation alpha_2{"2", {}, {{0.1}, {1.05, 0.96}}};

}  // namespace

TEST_CASE("the combined yield varies as the published numbers say", "[physics]") {
    const VariedDensities toy(toy_1d, {alpha_1, alpha_2});

    CHECK(toy.yield_factors(0, ToySample::combined).up == Approx(1.01474845).epsilon(1e-8));
    CHECK(toy.yield_factors(0, ToySample::combined).down == Approx(0.98814892).epsilon(1e-8));
    CHECK(toy.yield_factors(1, ToySample::combined).up == Approx(1.04384697).epsilon(1e-8));
    CHECK(toy.yield_factors(1, ToySample::combined).down == Approx(0.96699161).epsilon(1e-8));
    CHECK(toy.yield_factors(0, ToySample::signal) == Anchors{1.10, 0.92});
    CHECK(toy.yield_factors(0, ToySample::background) == Anchors{});
}

TEST_CASE("a systematic changes those samples that contain what it varies", "[physics]") {
    CHECK(changes_shape(alpha_1, ToySample::signal));
    CHECK(!changes_shape(alpha_1, ToySample::background));
    CHECK(changes_shape(alpha_1, ToySample::combined));
    const ToyVariation rate{"rate", {{}, {1.1, 0.9}}, {{}, {1.1, 0.9}}};
    CHECK(!changes_shape(rate, ToySample::signal));
    CHECK(!changes_shape(rate, ToySample::combined));
    CHECK(changes_yield(rate, ToySample::combined));
    const ToyVariation mixture{"mixture", {{}, {1.1, 0.9}}, {}};
    CHECK(changes_shape(mixture, ToySample::combined));
    CHECK(!changes_shape(mixture, ToySample::signal));
}

TEST_CASE("a tilt is an exponential in the features", "[physics]") {
    const InterferenceToy toy{{100.0, {1.0, 0.5}, {{1.0, 0.3}, {0.3, 1.2}}},
                              {900.0, {0.0, 0.0}, {{2.0, 0.1}, {0.1, 1.5}}},
                              -0.6};
    const VariedDensities densities(toy, random_tilts(toy, "tilt", 3, 0.2, 1));
    const auto log_g = [&](double x, double y) {
        const std::array point{x, y};
        return densities.at(2, Side::up).log_densities(point)[0] -
               densities.nominal().log_densities(point)[0];
    };

    // Linear, and of the size that 0.2 standard deviations give: E[ln g] = -0.02 at the mean.
    CHECK(log_g(1.0, 0.5) == Approx(-0.02).epsilon(1e-10));
    CHECK(log_g(3.0, 0.5) - log_g(2.0, 0.5) == Approx(log_g(1.0, 2.5) - log_g(0.0, 2.5)));
    CHECK(densities.variations()[2].name == "tilt_2");
    CHECK(densities.variations()[1].signal.shift != densities.variations()[2].signal.shift);
    CHECK(random_tilts(toy, "tilt", 3, 0.2, 1) == densities.variations());
}
