#include "ratiofarm/protocol/net_quality.hpp"

#include <cmath>
#include <limits>

#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

TEST_CASE("a calibration is linear between its knots and a shift outside", "[core]") {
    const CalibrationMap map{{-1.0F, 0.0F, 2.0F}, {-0.5F, 0.0F, 4.0F}};

    CHECK(calibrated(map, -1.0F) == -0.5F);
    CHECK(calibrated(map, -0.5F) == -0.25F);
    CHECK(calibrated(map, 0.0F) == 0.0F);
    CHECK(calibrated(map, 0.5F) == 1.0F);
    CHECK(calibrated(map, 2.0F) == 4.0F);
    CHECK(calibrated(map, -3.0F) == -2.5F);
    CHECK(calibrated(map, 5.0F) == 7.0F);
}

TEST_CASE("no knots are the identity, and odd logits stay odd", "[core]") {
    const float infinity = std::numeric_limits<float>::infinity();
    const CalibrationMap map{{0.0F, 1.0F}, {0.0F, 3.0F}};

    CHECK(calibrated(CalibrationMap{}, 1.5F) == 1.5F);
    CHECK(std::isnan(calibrated(map, std::nanf(""))));
    CHECK(calibrated(map, infinity) == infinity);
    CHECK(calibrated(map, -infinity) == -infinity);
}

TEST_CASE("a map in a table of fixed width ends before its first NaN", "[core]") {
    const float none = std::nanf("");
    const std::vector<float> knots{0.0F, 1.0F, none, none};
    const std::vector<float> values{0.0F, 3.0F, none, none};

    CHECK(calibrated(knots, values, 0.5F) == 1.5F);
    CHECK(calibrated(knots, values, 2.0F) == 4.0F);
}
