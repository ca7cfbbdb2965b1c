// Covariance, pulls, impacts and the parts of the error, against closed forms and golden numbers.

#include "ratiofarm/fit/impacts.hpp"

#include <cmath>

#include "ratiofarm/fit/fit.hpp"
#include "ratiofarm/fit/scan.hpp"
#include "ratiofarm_test/catch.hpp"

#include "systematic_model.hpp"

using namespace ratiofarm;

namespace {

/// n events counted; s mu + b (1 + delta alpha) expected, alpha ~ Gaus(observed, width). The
/// background is linear in alpha: a process without and one with alpha in its coefficient.
StatisticalModel counting_model(double s, double b, double delta, Constraint constraint) {
    const std::vector<std::string> names{"mu", "alpha"};
    StatisticalModel model;
    model.parameters = {
        {.name = "mu", .low = -5.0, .high = 20.0},
        {.name = "alpha", .start = 0.0, .low = -8.0, .high = 8.0, .constraint = constraint}};
    model.unbinned = {{"SR",
                       {{"signal", s, Coefficient::parse("mu", names), {}},
                        {"background", b, Coefficient::parse("1", names), {}},
                        {"shift", b * delta, Coefficient::parse("alpha", names), {}}},
                       ShapeNorm::none}};
    model.parameter_of_interest = "mu";
    return model;
}

const Constraint unit{.kind = Constraint::Kind::gaussian};

Likelihood counting(const StatisticalModel& model, double n) {
    return {model, test::data_of(test::counting_event(model, n)), test::one_rank};
}

}  // namespace

TEST_CASE("the counting experiment with a nuisance parameter has its closed form", "[fit]") {
    const double s = 10.0, b = 20.0, n = 36.0, delta = 0.3, a = 0.4;
    Constraint constraint = unit;
    constraint.observed = a;
    const StatisticalModel model = counting_model(s, b, delta, constraint);

    const FitResult result = fit(counting(model, n), {}, Log());

    CHECK(result.parameters[0].value == Approx((n - b * (1.0 + delta * a)) / s).epsilon(1e-9));
    CHECK(result.covariance[0][0] ==
          Approx(n / (s * s) + std::pow(b * delta / s, 2)).epsilon(1e-9));
    CHECK(result.covariance[0][1] == Approx(-b * delta / s).epsilon(1e-9));
    CHECK(result.covariance[1][1] == Approx(1.0).epsilon(1e-9));
    CHECK(*result.parameters[1].pull == Approx(0.0).margin(1e-9));
    CHECK(*result.parameters[1].constraint == Approx(1.0).epsilon(1e-9));
    CHECK_FALSE(result.parameters[0].pull.has_value());
    REQUIRE(result.impacts.size() == 1);
    for (const ImpactDefinition definition :
         {ImpactDefinition::others_fixed, ImpactDefinition::refit_shift,
          ImpactDefinition::global_observable}) {
        CHECK(*impact_value(result.impacts[0], definition) == Approx(-b * delta / s).epsilon(1e-9));
    }
    CHECK(result.breakdown.systematic == Approx(b * delta / s).epsilon(1e-9));
    CHECK(result.breakdown.statistical == Approx(std::sqrt(n) / s).epsilon(1e-9));
    CHECK(result.breakdown.statistical_frozen == Approx(std::sqrt(n) / s).epsilon(1e-9));
    CHECK(result.pass_counts.search == 0);  // linear coefficients: one minimum
}

TEST_CASE("the width of a constraint scales impacts and not the pull of Asimov data", "[fit]") {
    const double s = 10.0, b = 20.0, delta = 0.3, width = 0.5;
    const StatisticalModel model = counting_model(
        s, b, delta, {.kind = Constraint::Kind::gaussian, .observed = 0.0, .width = width});

    const FitResult result = fit(counting(model, s + b), {}, Log());

    CHECK(result.parameters[1].error == Approx(width).epsilon(1e-9));
    CHECK(*result.parameters[1].constraint == Approx(1.0).epsilon(1e-9));
    CHECK(*result.impacts[0].global_observable == Approx(-b * delta / s * width).epsilon(1e-9));
    CHECK(result.impacts[0].others_fixed == Approx(-b * delta / s * width).epsilon(1e-9));
}

TEST_CASE("a Poisson constraint has the width of its count", "[fit]") {
    // b gamma with m = gamma-hat tau counted beside: mu-hat = (n - b gamma) / s, and V as above
    // with V_gamma = gamma / tau. The observable's impact is its share of V.
    const double s = 10.0, b = 50.0, n = 66.0, relative = 0.14;
    const std::vector<std::string> names{"mu", "gamma"};
    StatisticalModel model;
    model.parameters = {
        {.name = "mu", .low = -5.0, .high = 20.0},
        {.name = "gamma",
         .low = 0.0,
         .high = 5.0,
         .constraint = {.kind = Constraint::Kind::poisson, .observed = 1.1, .width = relative}}};
    model.unbinned = {{"SR",
                       {{"signal", s, Coefficient::parse("mu", names), {}},
                        {"background", b, Coefficient::parse("gamma", names), {}}},
                       ShapeNorm::none}};
    model.parameter_of_interest = "mu";

    const FitResult result = fit(counting(model, n), {}, Log());

    CHECK(result.parameters[1].value == Approx(1.1).epsilon(1e-9));
    const double sigma_gamma = relative * std::sqrt(1.1);
    CHECK(result.parameters[1].error == Approx(sigma_gamma).epsilon(1e-9));
    CHECK(*result.parameters[1].constraint == Approx(1.0).epsilon(1e-9));
    CHECK(*result.impacts[0].global_observable == Approx(-b / s * sigma_gamma).epsilon(1e-9));
    CHECK(result.breakdown.statistical == Approx(std::sqrt(n) / s).epsilon(1e-9));
}

TEST_CASE("impacts of the model with systematics are the golden ones", "[fit][golden]") {
    const Likelihood likelihood(test::systematic_model(ShapeNorm::none),
                                test::data_of(test::systematic_grid()), test::one_rank);
    // The golden numbers belong to the Hessian at the truth, from which this fit is shifted a
    // little. No search: without normalisation the likelihood falls without end at large alpha.
    const FitResult result = fit(likelihood, {.starts = 0, .interval = false}, Log());

    REQUIRE(result.impacts.size() == 2);

    CHECK(result.impacts[0].others_fixed == Approx(0.1569).margin(2e-3));
    CHECK(result.impacts[1].others_fixed == Approx(0.5298).margin(2e-3));
    CHECK(result.impacts[0].refit_shift == Approx(0.1439).margin(2e-3));
    CHECK(result.impacts[1].refit_shift == Approx(0.1992).margin(2e-3));
    CHECK(*result.impacts[0].global_observable == Approx(0.1318).margin(2e-3));
    CHECK(*result.impacts[1].global_observable == Approx(0.0749).margin(2e-3));
    CHECK(result.breakdown.statistical == Approx(0.5152).margin(1e-3));
    CHECK(result.breakdown.statistical_frozen == Approx(0.4776).margin(1e-3));
}

TEST_CASE("from the golden Hessian the impacts have all printed digits", "[fit][golden]") {
    // H at the truth without normalised shapes, in mu; its inverse by hand.
    const double h[3][3] = {{4.3842834, -0.6878638, -2.3229379},
                            {-0.6878638, 1.3007492, 0.3609392},
                            {-2.3229379, 0.3609392, 8.3146450}};
    FitResult result;
    result.poi = "mu";
    result.parameters.resize(3);
    result.covariance.assign(3, std::vector<double>(3));
    result.correlation = result.covariance;
    const auto cofactor = [&](int i, int j) {
        const int a = (i + 1) % 3, b = (i + 2) % 3, c = (j + 1) % 3, d = (j + 2) % 3;
        return h[a][c] * h[b][d] - h[a][d] * h[b][c];
    };
    double determinant = 0.0;
    for (int j = 0; j < 3; ++j) determinant += h[0][j] * cofactor(0, j);
    for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t j = 0; j < 3; ++j) {
            result.covariance[i][j] =
                cofactor(static_cast<int>(j), static_cast<int>(i)) / determinant;
        }
    }
    StatisticalModel model = test::systematic_model(ShapeNorm::none);
    for (std::size_t i = 0; i < 3; ++i) {
        result.parameters[i].name = model.parameters[i].name;
        result.parameters[i].error = std::sqrt(result.covariance[i][i]);
    }
    for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t j = 0; j < 3; ++j) {
            result.correlation[i][j] =
                result.covariance[i][j] / result.parameters[i].error / result.parameters[j].error;
        }
    }
    model.parameters[1].group = "theory";
    model.parameters[2].group = "experiment";

    const auto found = impacts(model, result);
    const ErrorBreakdown parts = error_breakdown(model, result);

    CHECK(result.parameters[0].error == Approx(0.537049).margin(1e-6));
    CHECK(found[0].others_fixed == Approx(0.1569).margin(5e-5));
    CHECK(found[1].others_fixed == Approx(0.5298).margin(5e-5));
    CHECK(found[0].refit_shift == Approx(0.1439).margin(5e-5));
    CHECK(found[1].refit_shift == Approx(0.1992).margin(5e-5));
    CHECK(*found[0].global_observable == Approx(0.1318).margin(5e-5));
    CHECK(*found[1].global_observable == Approx(0.0749).margin(5e-5));
    CHECK(parts.statistical == Approx(0.5152).margin(5e-5));
    CHECK(parts.statistical_frozen == Approx(0.4776).margin(5e-5));
    REQUIRE(parts.groups.size() == 2);
    CHECK(parts.groups[0].global_observables == Approx(0.1318).margin(5e-5));
    // Fixing alpha_1: the inverse of the remaining 2 x 2 block.
    const double rest = h[2][2] / (h[0][0] * h[2][2] - h[0][2] * h[0][2]);
    CHECK(parts.groups[0].frozen ==
          Approx(std::sqrt(result.covariance[0][0] - rest)).epsilon(1e-9));
    CHECK(ranked(found, ImpactDefinition::global_observable)[0].parameter == "alpha_1");
    CHECK(ranked(found, ImpactDefinition::others_fixed)[0].parameter == "alpha_2");
}

TEST_CASE("a refit is a fit of the changed model", "[fit]") {
    const LikelihoodData data = test::data_of(test::systematic_grid(800));
    Likelihood likelihood(test::systematic_model(ShapeNorm::reference), data, test::one_rank);
    const FitResult result = fit(likelihood, {.interval = false}, Log());
    auto refitted = result.impacts;
    const double before = likelihood.evaluate(std::vector{1.0, 0.5, 0.5}).nll;
    const auto mu_of = [&](const StatisticalModel& model) {
        const Likelihood changed(model, data, test::one_rank);
        return fit(changed, {.interval = false}, Log()).parameters[0].value;
    };

    refit_impacts(likelihood, result, refitted, Log());

    const double mu = result.parameters[0].value;
    for (std::size_t k = 0; k < 2; ++k) {
        const FittedParameter& alpha = result.parameters[k + 1];
        for (const double sign : {-1.0, 1.0}) {
            StatisticalModel held = likelihood.model();
            held.parameters[k + 1].start = alpha.value + sign * alpha.error;
            held.parameters[k + 1].fixed = true;
            const auto& refit = sign < 0.0 ? refitted[k].refit_down : refitted[k].refit_up;
            CHECK(*refit == Approx(mu_of(held) - mu).margin(1e-7));
            StatisticalModel moved = likelihood.model();
            moved.parameters[k + 1].constraint.observed = sign;
            const auto& shift =
                sign < 0.0 ? refitted[k].observable_down : refitted[k].observable_up;
            CHECK(*shift == Approx(mu_of(moved) - mu).margin(1e-7));
        }
    }
    CHECK(likelihood.evaluate(std::vector{1.0, 0.5, 0.5}).nll == before);  // observables are back
}

TEST_CASE("impacts are the derivatives of refits", "[fit]") {
    const LikelihoodData data = test::data_of(test::systematic_grid(800));
    const Likelihood likelihood(test::systematic_model(ShapeNorm::reference), data, test::one_rank);
    const FitResult result = fit(likelihood, {.interval = false}, Log());

    const double small = 0.01;
    for (std::size_t k = 0; k < 2; ++k) {
        const FittedParameter& alpha = result.parameters[k + 1];
        const std::vector<double> ends{alpha.value - small * alpha.error,
                                       alpha.value + small * alpha.error};
        const auto held = scan(likelihood, result, ends, {.parameter = alpha.name});
        CHECK((held[1].parameters[0] - held[0].parameters[0]) / (2.0 * small) ==
              Approx(result.impacts[k].refit_shift).epsilon(1e-3));
        const auto moved = [&](double observed) {
            StatisticalModel model = likelihood.model();
            model.parameters[k + 1].constraint.observed = observed;
            return fit(Likelihood(model, data, test::one_rank), {.interval = false}, Log())
                .parameters[0]
                .value;
        };
        CHECK((moved(small) - moved(-small)) / (2.0 * small) ==
              Approx(*result.impacts[k].global_observable).epsilon(1e-3));
    }
}

TEST_CASE("a parameter of interest that is fixed or at its end has no impacts", "[fit]") {
    StatisticalModel model = counting_model(10.0, 20.0, 0.3, unit);
    model.parameters[0].fixed = true;
    const FitResult fixed = fit(counting(model, 30.0), {}, Log());
    model.parameters[0].fixed = false;
    model.parameters[0].low = 0.0;
    const FitResult at_end = fit(counting(model, 0.0), {}, Log());

    CHECK(fixed.impacts.empty());
    CHECK(fixed.breakdown.total == 0.0);
    CHECK(at_end.parameters[0].at_bound);
    CHECK(at_end.impacts.empty());
}
