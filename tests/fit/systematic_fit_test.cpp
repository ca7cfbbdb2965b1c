// The golden model with two systematics, whose Hessians, errors and profiles are known from
// independent programs (quadrature over the densities).

#include <cmath>

#include "ratiofarm/fit/fit.hpp"
#include "ratiofarm/fit/scan.hpp"
#include "ratiofarm_test/catch.hpp"

#include "reference_likelihood.hpp"
#include "systematic_model.hpp"

using namespace ratiofarm;

namespace {

Likelihood likelihood_of(ShapeNorm shape_norm) {
    return {test::systematic_model(shape_norm), test::data_of(test::systematic_grid()),
            test::one_rank};
}

/// The Hessian in mu instead of sqrt(mu) at mu = 1, where the gradient in mu is zero.
std::vector<double> external_hessian(const Evaluation& at) {
    std::vector<double> h = at.hessian;
    for (std::size_t a = 0; a < 3; ++a) {
        h[a] *= 0.5;
        h[3 * a] *= 0.5;
    }
    h[0] -= 0.25 * at.gradient[0];
    return h;
}

const std::vector<double> truth{1.0, 0.0, 0.0};

}  // namespace

TEST_CASE("with normalised shapes the Hessian is the golden one", "[fit]") {
    for (const ShapeNorm norm : {ShapeNorm::reference, ShapeNorm::reference_quadratic}) {
        const Evaluation at = likelihood_of(norm).evaluate(truth);
        const auto h = external_hessian(at);

        for (const double gradient : at.gradient) CHECK(gradient == Approx(0.0).margin(1e-5));
        CHECK(h[0] == Approx(4.384285).margin(2e-6));
        CHECK(h[1] == Approx(-0.683545).margin(2e-6));
        CHECK(h[2] == Approx(-2.336500).margin(2e-6));
        CHECK(h[4] == Approx(1.210658).margin(2e-6));
        CHECK(h[5] == Approx(0.165511).margin(2e-6));
        CHECK(h[8] == Approx(5.383083).margin(4e-6));
    }
}

TEST_CASE("without normalisation the Hessian is that of the public convention", "[fit]") {
    const Evaluation at = likelihood_of(ShapeNorm::none).evaluate(truth);
    const auto h = external_hessian(at);

    CHECK(at.gradient[1] == Approx(-7.7e-3).margin(5e-5));
    CHECK(at.gradient[2] == Approx(2.4e-2).margin(5e-4));
    CHECK(h[0] == Approx(4.3842834).margin(2e-6));
    CHECK(h[1] == Approx(-0.6878638).margin(2e-6));
    CHECK(h[2] == Approx(-2.3229379).margin(2e-6));
    CHECK(h[4] == Approx(1.3007492).margin(2e-6));
    CHECK(h[5] == Approx(0.3609392).margin(2e-6));
    CHECK(h[8] == Approx(8.3146450).margin(4e-6));
}

TEST_CASE("errors and covariances with systematics are the golden ones", "[fit]") {
    const FitResult result = fit(likelihood_of(ShapeNorm::reference), {}, Log());

    CHECK(result.converged);
    CHECK(result.parameters[0].value == Approx(1.0).margin(1e-6));
    CHECK(result.parameters[1].value == Approx(0.0).margin(1e-5));
    CHECK(result.parameters[2].value == Approx(0.0).margin(1e-5));
    CHECK(result.parameters[0].error == Approx(0.571684).margin(1e-6));
    CHECK(result.parameters[1].error == Approx(0.955838).margin(1e-6));
    CHECK(result.parameters[2].error == Approx(0.493737).margin(1e-6));
    CHECK(result.covariance[0][1] == Approx(0.165830).margin(1e-6));
    CHECK(result.covariance[0][2] == Approx(0.136757).margin(1e-6));
}

TEST_CASE("the profile over systematics is the golden one", "[fit]") {
    const Likelihood likelihood = likelihood_of(ShapeNorm::reference);
    const FitResult result = fit(likelihood, {}, Log());
    const std::vector<double> mu{0.25, 0.5, 0.75, 1.25, 1.5, 2.0, 3.0};
    const std::vector<double> golden{3.994945, 1.165335, 0.221806, 0.179102,
                                     0.695923, 2.672462, 9.479586};

    const auto points = scan(likelihood, result, mu);

    for (std::size_t k = 0; k < mu.size(); ++k)
        CHECK(points[k].t == Approx(golden[k]).margin(2e-6));
}

TEST_CASE("normalisations are the golden integrals", "[fit]") {
    const Likelihood none = likelihood_of(ShapeNorm::none);
    const auto at_half = none.normalisations(std::vector{1.0, 0.5, 0.5});
    const auto outside = none.normalisations(std::vector{1.0, 1.5, 1.5});
    CHECK(at_half[0].z_of_reference == Approx(0.99707734).margin(1e-7));
    CHECK(at_half[1].z_of_reference == Approx(0.99967457).margin(1e-7));
    CHECK(outside[0].z_of_reference == Approx(1.01511306).margin(1e-7));
    CHECK(outside[1].z_of_reference == Approx(1.00166806).margin(1e-7));
    CHECK(outside[0].z == 1.0);

    const auto full =
        likelihood_of(ShapeNorm::reference).normalisations(std::vector{1.0, 1.5, 0.0});
    CHECK(full[0].z == Approx(1.01511306).margin(1e-7));
    const auto expansion =
        likelihood_of(ShapeNorm::reference_quadratic).normalisations(std::vector{1.0, 0.1, 0.0});
    CHECK(expansion[0].z == Approx(expansion[0].z_of_reference).margin(1e-6));
    CHECK(expansion[0].z != expansion[0].z_of_reference);
}

TEST_CASE("every derivative agrees with the textbook loop", "[fit]") {
    const std::vector<std::vector<double>> points{
        {1.0, 0.0, 0.0}, {1.3, 0.4, -0.7}, {0.6, -1.6, 1.2}};
    const EventSet events = test::systematic_grid(500);
    for (const ShapeNorm norm : {ShapeNorm::none, ShapeNorm::reference}) {
        const StatisticalModel model = test::systematic_model(norm);
        const Likelihood likelihood(model, test::data_of(events), test::one_rank);
        for (const auto& u : points) {
            const Evaluation slow = reference_likelihood(model, events, u);
            const Evaluation fast = likelihood.evaluate(u);
            CHECK(fast.nll == Approx(slow.nll).epsilon(1e-11));
            for (std::size_t a = 0; a < 3; ++a) {
                CHECK(fast.gradient[a] == Approx(slow.gradient[a]).margin(1e-9));
            }
            for (std::size_t ab = 0; ab < 9; ++ab) {
                CHECK(fast.hessian[ab] == Approx(slow.hessian[ab]).margin(1e-9));
                CHECK(fast.fisher[ab] == Approx(slow.fisher[ab]).margin(1e-9));
            }
        }
    }
}

TEST_CASE("gradient and Hessian with systematics agree with finite differences", "[fit]") {
    const Likelihood likelihood = likelihood_of(ShapeNorm::reference);
    const std::vector<double> u{1.2, 0.3, -1.4};
    const Evaluation here = likelihood.evaluate(u);
    const double h = 2e-3;  // five points: the error is of order h^4
    for (std::size_t a = 0; a < 3; ++a) {
        const auto at = [&](double steps) {
            auto moved = u;
            moved[a] += steps * h;
            return likelihood.evaluate(moved);
        };
        const std::vector<Evaluation> e{at(-2), at(-1), at(1), at(2)};
        const auto gradient = [&](auto&& value) {
            return (8 * (value(e[2]) - value(e[1])) - (value(e[3]) - value(e[0]))) / (12 * h);
        };
        CHECK(gradient([](const Evaluation& x) { return x.nll; }) ==
              Approx(here.gradient[a]).epsilon(1e-7));
        for (std::size_t b = 0; b < 3; ++b) {
            CHECK(gradient([b](const Evaluation& x) { return x.gradient[b]; }) ==
                  Approx(here.hessian[a * 3 + b]).epsilon(1e-7));
        }
    }
}

TEST_CASE("a fit to Asimov data returns the truth, wherever they were made", "[fit]") {
    const EventSet grid = test::systematic_grid(1500);
    const LikelihoodData data{{source_of(grid)}, {}};
    const StatisticalModel model = test::systematic_model(ShapeNorm::reference);
    const Likelihood observed(model, data, test::one_rank);
    const std::vector<std::vector<double>> truths{
        {1.0, 0.0, 0.0}, {0.4, 0.8, -0.6}, {2.5, -1.3, 1.7}};
    for (const auto& theta : truths) {
        const auto u = observed.coordinates().to_internal(theta);

        const ExpectedData expected = observed.expected_data(data, u);
        Likelihood asimov(model, expected.data, test::one_rank);
        asimov.set_observed(expected.observed);

        const Evaluation at = asimov.evaluate(u);
        for (const double gradient : at.gradient) CHECK(gradient == Approx(0.0).margin(1e-9));
        const FitResult result = fit(asimov, {}, Log());
        for (std::size_t a = 0; a < 3; ++a) {
            CHECK(result.parameters[a].value == Approx(theta[a]).margin(1e-6));
        }
    }
}

TEST_CASE("Asimov data without reference events are refused", "[fit]") {
    EventSet grid = test::systematic_grid(100);
    grid.reference.clear();
    const LikelihoodData data{{source_of(grid)}, {}};
    const Likelihood likelihood(test::systematic_model(ShapeNorm::none), data, test::one_rank);

    CHECK_THROWS_WITH(likelihood.expected_data(data, truth),
                      Catch::Matchers::Contains("no reference events"));
}
