#include "simulation/model_variation.hpp"

#include <cmath>

#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

namespace {

const InterferenceModel model_1d{{100.0, {1.5}, {{1.0}}}, {900.0, {0.0}, {{2.25}}}, -0.6};
const ModelVariation alpha_1{"1", {{0.2}, {1.10, 0.92}}, {}};
const ModelVariation alpha_2{"2", {}, {{0.1}, {1.05, 0.96}}};

}  // namespace

TEST_CASE("the combined yield varies as the published numbers say", "[physics]") {
    const VariedDensities model(model_1d, {alpha_1, alpha_2});

    CHECK(model.yield_factors(0, SimulatedSample::combined).up == Approx(1.01474845).epsilon(1e-8));
    CHECK(model.yield_factors(0, SimulatedSample::combined).down ==
          Approx(0.98814892).epsilon(1e-8));
    CHECK(model.yield_factors(1, SimulatedSample::combined).up == Approx(1.04384697).epsilon(1e-8));
    CHECK(model.yield_factors(1, SimulatedSample::combined).down ==
          Approx(0.96699161).epsilon(1e-8));
    CHECK(model.yield_factors(0, SimulatedSample::signal) == Anchors{1.10, 0.92});
    CHECK(model.yield_factors(0, SimulatedSample::background) == Anchors{});
}

TEST_CASE("a systematic changes those samples that contain what it varies", "[physics]") {
    CHECK(changes_shape(alpha_1, SimulatedSample::signal));
    CHECK(!changes_shape(alpha_1, SimulatedSample::background));
    CHECK(changes_shape(alpha_1, SimulatedSample::combined));
    const ModelVariation rate{"rate", {{}, {1.1, 0.9}}, {{}, {1.1, 0.9}}};
    CHECK(!changes_shape(rate, SimulatedSample::signal));
    CHECK(!changes_shape(rate, SimulatedSample::combined));
    CHECK(changes_yield(rate, SimulatedSample::combined));
    const ModelVariation mixture{"mixture", {{}, {1.1, 0.9}}, {}};
    CHECK(changes_shape(mixture, SimulatedSample::combined));
    CHECK(!changes_shape(mixture, SimulatedSample::signal));
}

TEST_CASE("a tilt is an exponential in the features", "[physics]") {
    const InterferenceModel model{{100.0, {1.0, 0.5}, {{1.0, 0.3}, {0.3, 1.2}}},
                                  {900.0, {0.0, 0.0}, {{2.0, 0.1}, {0.1, 1.5}}},
                                  -0.6};
    const VariedDensities densities(model, random_tilts(model, "tilt", 3, 0.2, 1));
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
    CHECK(random_tilts(model, "tilt", 3, 0.2, 1) == densities.variations());
}
