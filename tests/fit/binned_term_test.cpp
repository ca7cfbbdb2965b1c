#include "fit/binned_term.hpp"

#include <cmath>
#include <random>

#include "binned_example.hpp"

using namespace ratiofarm;
using namespace ratiofarm::test;

namespace {

double value_of(const Coefficient& f,
                const StatisticalModel& model,
                const std::vector<double>& theta) {
    double sum = 0.0;
    for (const auto& term : f.terms) {
        double product = term.constant;
        for (const auto& factor : term.factors) {
            product *= std::pow(theta[parameter_index(model, factor.parameter)], factor.power);
        }
        sum += product;
    }
    return sum;
}

/// nu_b written out, straight from the definition.
double naive_expectation(const StatisticalModel& model,
                         const std::vector<double>& theta,
                         std::size_t bin) {
    const auto at = [&](const std::string& name) { return theta[parameter_index(model, name)]; };
    double nu = 0.0;
    for (const BinnedSample& sample : model.binned[0].samples) {
        double content = sample.contents[bin];
        for (const auto& shape : sample.shapes) {
            content +=
                interpolate_shift(shape.code, shape.up[bin] - sample.contents[bin],
                                  shape.down[bin] - sample.contents[bin], at(shape.parameter))
                    .value;
        }
        for (const auto& yield : sample.yields) {
            content *= interpolate(yield.code, yield.anchors, at(yield.parameter)).value;
        }
        for (const auto& factors : sample.factors) {
            if (!factors.parameters[bin].empty()) content *= at(factors.parameters[bin]);
        }
        nu += content * value_of(sample.coefficient, model, theta);
    }
    return nu;
}

std::vector<double> random_point(std::mt19937& random) {
    std::uniform_real_distribution<double> positive(0.3, 2.0);
    std::uniform_real_distribution<double> alpha(-1.8, 1.8);
    std::vector<double> theta;
    for (std::size_t a = 0; a < 7; ++a) {
        theta.push_back(a == 2 || a == 3 ? alpha(random) : positive(random));
    }
    return theta;
}

}  // namespace

TEST_CASE("a counting experiment has its closed form", "[fit]") {
    const double s = 10.0;
    const double b = 20.0;
    const double delta = 0.1;
    const Binned binned(counting_model(s, b, delta), {30.0});

    const Evaluation at = binned.at({1.0, 0.0});

    CHECK(at.nll == Approx(30.0 - 30.0 * std::log(30.0)));
    CHECK(at.gradient[0] == Approx(0.0).margin(1e-13));
    CHECK(at.hessian[0] == Approx(10.0 / 3.0));
    // With a unit constraint on alpha: V_mumu = n/s^2 + (b delta/s)^2, V_mualpha = -b delta/s.
    const double h = at.hessian[3] + 1.0;
    const double determinant = at.hessian[0] * h - at.hessian[1] * at.hessian[2];
    CHECK(h / determinant == Approx(0.3 + 0.04));
    CHECK(-at.hessian[1] / determinant == Approx(-0.2));
    CHECK(at.hessian[0] / determinant == Approx(1.0));
}

TEST_CASE("all effects together agree with their definition", "[fit]") {
    const Binned binned(rich_model(), {60.0, 48.0, 41.0});
    std::mt19937 random(3);
    for (int point = 0; point < 20; ++point) {
        const auto theta = random_point(random);
        const auto u = binned.coordinates.to_internal(theta);

        const auto expected = binned.term.expected(u);
        double nll = 0.0;
        for (std::size_t b = 0; b < 3; ++b) {
            const double nu = naive_expectation(binned.model, theta, b);
            nll += nu - binned.observed[b] * std::log(nu);
            CHECK(expected[b] == Approx(nu).epsilon(1e-13));
        }
        CHECK(binned.at(u).nll == Approx(nll).epsilon(1e-13));
    }
}

TEST_CASE("gradient and Hessian of bins agree with finite differences", "[fit]") {
    const Binned binned(rich_model(), {60.0, 48.0, 41.0});
    std::mt19937 random(5);
    for (int point = 0; point < 5; ++point) {
        check_finite_differences(binned, binned.coordinates.to_internal(random_point(random)));
    }
}

TEST_CASE("factors that are zero leave the derivatives right", "[fit]") {
    SECTION("factors of bins, and a coefficient") {
        const Binned binned(rich_model(), {60.0, 48.0, 41.0});
        auto u = binned.coordinates.to_internal(std::vector<double>{1.0, 1.0, 0.3, 0.2, 0, 1, 0});
        check_finite_differences(binned, u);
        u[0] = 0.0;
        check_finite_differences(binned, u);
    }
    SECTION("an additive yield effect") {
        StatisticalModel model = counting_model(10.0, 20.0, 0.5);
        model.binned[0].samples[1].yields.push_back(
            {"mu", {1.2, 0.8}, Interpolation::code0});  // 1 + 0.2 mu
        const Binned binned(std::move(model), {30.0});
        check_finite_differences(binned, {1.0, -2.0});
    }
}

TEST_CASE("the Fisher part is a sum of n s s^T", "[fit]") {
    const Binned binned(rich_model(), {60.0, 48.0, 41.0});
    std::mt19937 random(7);
    const auto u = binned.coordinates.to_internal(random_point(random));
    const double step = 1e-6;
    std::vector<std::vector<double>> gradient(3, std::vector<double>(7));  // of nu
    for (std::size_t a = 0; a < 7; ++a) {
        auto up = u;
        auto down = u;
        up[a] += step;
        down[a] -= step;
        const auto above = binned.term.expected(up);
        const auto below = binned.term.expected(down);
        for (std::size_t b = 0; b < 3; ++b) gradient[b][a] = (above[b] - below[b]) / (2.0 * step);
    }

    const Evaluation at = binned.at(u);

    const auto nu = binned.term.expected(u);
    for (std::size_t a = 0; a < 7; ++a) {
        for (std::size_t c = 0; c < 7; ++c) {
            double sum = 0.0;
            for (std::size_t b = 0; b < 3; ++b) {
                sum += binned.observed[b] * gradient[b][a] * gradient[b][c] / (nu[b] * nu[b]);
            }
            CHECK(at.fisher[a * 7 + c] == Approx(sum).epsilon(1e-6).margin(1e-6));
            CHECK(at.fisher[a * 7 + c] == at.fisher[c * 7 + a]);
            CHECK(at.hessian[a * 7 + c] == Approx(at.hessian[c * 7 + a]).epsilon(1e-13));
        }
    }
}

TEST_CASE("many factors cost only the bins that they stand in", "[fit]") {
    StatisticalModel model;
    BinnedSample sample{.name = "B", .coefficient = Coefficient::parse("mu", {{"mu"}})};
    model.parameters.push_back({.name = "mu"});
    BinFactors factors;
    std::vector<double> observed;
    for (std::size_t b = 0; b < 500; ++b) {
        factors.parameters.push_back("g" + std::to_string(b));
        model.parameters.push_back({.name = factors.parameters.back()});
        sample.contents.push_back(10.0 + static_cast<double>(b));
        observed.push_back(12.0 + static_cast<double>(b));
    }
    sample.factors = {factors};
    model.binned = {{"SR", {sample}}};
    const std::size_t n = model.parameters.size();
    const Binned binned(std::move(model), observed);

    const Evaluation at = binned.at(std::vector<double>(n, 1.0));

    for (std::size_t b = 0; b < 500; ++b) {  // nu = mu g (10 + b)
        const std::size_t a = b + 1;
        CHECK(at.gradient[a] == Approx(-2.0));
        CHECK(at.hessian[a * n + a] == Approx(observed[b]));
        CHECK(at.hessian[a] == Approx(10.0 + static_cast<double>(b)));  // d2/dmu dg
        CHECK(at.hessian[a * n + (a % 500) + 1] ==
              (a % 500 + 1 == a ? at.hessian[a * n + a] : 0.0));
    }
}
