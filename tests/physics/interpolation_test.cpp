#include "ratiofarm/physics/interpolation.hpp"

#include <cmath>
#include <vector>

#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

namespace {

const std::vector<Interpolation> all_codes{Interpolation::code0,  Interpolation::code1,
                                           Interpolation::code2,  Interpolation::code4,
                                           Interpolation::code4p, Interpolation::exp_quadratic};
const std::vector<Interpolation> additive_codes{Interpolation::code0, Interpolation::code2,
                                                Interpolation::code4p};
const std::vector<Anchors> anchor_choices{{1.1, 0.9},   {1.2, 0.85}, {1.3, 1.1},
                                          {0.95, 1.08}, {3.0, 0.2},  {1.0, 1.0}};

// Between the kinks of all codes.
const std::vector<double> smooth_points{-2.3, -1.4, -0.7, -0.2, 0.1, 0.45, 0.9, 1.2, 3.1};

double value_of(const InterpolationWeights& w, const Anchors& a, std::size_t order) {
    using Form = InterpolationWeights::Form;
    if (w.form == Form::power_of_both) {
        const auto exponent = [&](std::size_t q) {
            return w.weight[q][0] * std::log(a.up) + w.weight[q][1] * std::log(a.down);
        };
        const double slope = exponent(1);
        const double g = std::exp(exponent(0));
        return order == 0 ? g : order == 1 ? g * slope : g * (slope * slope + exponent(2));
    }
    if (w.form != Form::linear) {
        const bool up = w.form == Form::power_of_up;
        const double log = std::log(up ? a.up : 1.0 / a.down);
        return std::pow(up ? a.up : a.down, w.power) * std::pow(log, static_cast<double>(order));
    }
    const double lu = std::log(a.up);
    const double ld = std::log(a.down);
    const auto& k = w.weight[order];
    return w.constant[order] + k[0] * a.up + k[1] * a.down + k[2] * a.up * lu + k[3] * a.down * ld +
           k[4] * a.up * lu * lu + k[5] * a.down * ld * ld;
}

}  // namespace

TEST_CASE("code 4 has the values that independent programs found", "[physics]") {
    const std::vector<double> alphas{-1.5, -0.5, 0.3, 0.5, 1.0, 2.0};
    const std::vector<std::pair<Anchors, std::vector<double>>> golden{
        {{1.1, 0.9}, {0.853814968245, 0.949216905778, 1.029693115783, 1.049314915427, 1.1, 1.21}},
        {{1.2, 0.85}, {0.783661278870, 0.920884999597, 1.054897008055, 1.094468701453, 1.2, 1.44}},
        {{1.3, 1.1}, {1.153689732987, 1.029911335012, 1.057307272577, 1.122091068343, 1.3, 1.69}},
        {{0.95, 1.08},
         {1.122368923305, 1.037924836074, 0.982884342934, 0.973328801100, 0.95, 0.9025}}};
    for (const auto& [anchors, values] : golden) {
        for (std::size_t i = 0; i < alphas.size(); ++i) {
            const double found = interpolate(Interpolation::code4, anchors, alphas[i]).value;
            CHECK(std::abs(found - values[i]) < 1e-11);
        }
    }
}

TEST_CASE("every code passes through its anchors and through 1 at 0", "[physics]") {
    for (const auto code : all_codes) {
        for (const Anchors& anchors : anchor_choices) {
            CHECK(interpolate(code, anchors, 0.0).value == Approx(1.0).epsilon(1e-15));
            CHECK(interpolate(code, anchors, 1.0).value == Approx(anchors.up).epsilon(1e-14));
            CHECK(interpolate(code, anchors, -1.0).value == Approx(anchors.down).epsilon(1e-14));
        }
    }
}

TEST_CASE("gradient and curvature are the derivatives of the value", "[physics]") {
    const double step = 1e-5;
    for (const auto code : all_codes) {
        for (const Anchors& anchors : anchor_choices) {
            for (const double alpha : smooth_points) {
                const Interpolated here = interpolate(code, anchors, alpha);
                const Interpolated above = interpolate(code, anchors, alpha + step);
                const Interpolated below = interpolate(code, anchors, alpha - step);

                CHECK((above.value - below.value) / (2.0 * step) ==
                      Approx(here.gradient).epsilon(1e-8).margin(1e-8));
                CHECK((above.gradient - below.gradient) / (2.0 * step) ==
                      Approx(here.curvature).epsilon(1e-8).margin(1e-8));
            }
        }
    }
}

TEST_CASE("weights give what the direct form gives", "[physics]") {
    auto points = smooth_points;
    points.insert(points.end(), {-1.0, 0.0, 1.0});
    for (const auto code : all_codes) {
        for (const Anchors& anchors : anchor_choices) {
            for (const double alpha : points) {
                const InterpolationWeights weights = interpolation_weights(code, alpha);
                const Interpolated direct = interpolate(code, anchors, alpha);

                const auto close = [](double x) { return Approx(x).epsilon(1e-13).margin(1e-13); };
                CHECK(value_of(weights, anchors, 0) == close(direct.value));
                CHECK(value_of(weights, anchors, 1) == close(direct.gradient));
                CHECK(value_of(weights, anchors, 2) == close(direct.curvature));
            }
        }
    }
}

TEST_CASE("codes 4 and 4p are smooth to second order at the anchors", "[physics]") {
    for (const auto code : {Interpolation::code4, Interpolation::code4p}) {
        for (const Anchors& anchors : anchor_choices) {
            for (const double side : {-1.0, 1.0}) {
                const Interpolated inside = interpolate(code, anchors, side * (1.0 - 1e-10));
                const Interpolated outside = interpolate(code, anchors, side * (1.0 + 1e-10));

                CHECK(inside.value == Approx(outside.value).margin(1e-8));
                CHECK(inside.gradient == Approx(outside.gradient).margin(1e-8));
                CHECK(inside.curvature == Approx(outside.curvature).margin(1e-7));
            }
        }
    }
}

TEST_CASE("code 2 goes on from its anchors without a step and without a kink", "[physics]") {
    for (const Anchors& anchors : anchor_choices) {
        for (const double side : {-1.0, 1.0}) {
            const auto at = [&](double alpha) {
                return interpolate(Interpolation::code2, anchors, side * alpha);
            };
            CHECK(at(1.0 - 1e-10).value == Approx(at(1.0 + 1e-10).value).margin(1e-8));
            CHECK(at(1.0 - 1e-10).gradient == Approx(at(1.0 + 1e-10).gradient).margin(1e-8));
            CHECK(at(2.0).curvature == 0.0);
        }
    }
}

TEST_CASE("code 1 is the exponential and code 0 the straight line on either side", "[physics]") {
    const Anchors anchors{1.3, 0.8};

    CHECK(interpolate(Interpolation::code1, anchors, 0.5).value == Approx(std::sqrt(1.3)));
    CHECK(interpolate(Interpolation::code1, anchors, -2.0).value == Approx(0.64));
    CHECK(interpolate(Interpolation::code0, anchors, 0.5).value == Approx(1.15));
    CHECK(interpolate(Interpolation::code0, anchors, -2.0).value == Approx(0.6));
    CHECK(interpolate(Interpolation::code0, anchors, 0.0).gradient == Approx(0.3));
}

TEST_CASE("exp_quadratic is the exponential of the parabola through the logarithms", "[physics]") {
    // exp(a nu + b nu^2) with a = 0.3, b = -0.1
    const Anchors anchors{std::exp(0.2), std::exp(-0.4)};
    for (const double nu : {-2.5, -0.3, 0.7, 3.0}) {
        CHECK(interpolate(Interpolation::exp_quadratic, anchors, nu).value ==
              Approx(std::exp(0.3 * nu - 0.1 * nu * nu)));
    }
}

TEST_CASE("the shift of a bin is its factor times the nominal content", "[physics]") {
    const double nominal = 40.0;
    const Anchors anchors{1.3, 0.8};
    for (const auto code : additive_codes) {
        for (const double alpha : smooth_points) {
            const Interpolated factor = interpolate(code, anchors, alpha);
            const Interpolated shift = interpolate_shift(code, nominal * (anchors.up - 1.0),
                                                         nominal * (anchors.down - 1.0), alpha);

            CHECK(nominal + shift.value == Approx(nominal * factor.value).epsilon(1e-14));
            CHECK(shift.gradient == Approx(nominal * factor.gradient).epsilon(1e-14));
            CHECK(shift.curvature == Approx(nominal * factor.curvature).epsilon(1e-14));
        }
    }
}

TEST_CASE("code 4p follows its formula", "[physics]") {
    // Delta = alpha [S + alpha A (15 + alpha^2 (3 alpha^2 - 10))], S and A of the two differences.
    const double up = 12.0;    // I+ - I0
    const double down = -5.0;  // I- - I0
    const double s = 0.5 * (up - down);
    const double a = (up + down) / 16.0;
    const double alpha = -0.6;
    const double expected =
        alpha * (s + alpha * a * (15.0 + alpha * alpha * (3.0 * alpha * alpha - 10.0)));

    CHECK(interpolate_shift(Interpolation::code4p, up, down, alpha).value == Approx(expected));
    CHECK(interpolate_shift(Interpolation::code4p, up, down, 2.0).value == Approx(24.0));
    CHECK(interpolate_shift(Interpolation::code4p, up, down, -2.0).value == Approx(-10.0));
}
