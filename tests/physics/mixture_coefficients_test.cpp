#include "ratiofarm/physics/mixture_coefficients.hpp"

#include <cmath>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

namespace {

/// Two parameters, one of them with a root; three processes.
StatisticalModel two_parameter_model() {
    const std::vector<std::string> names{"mu", "kappa"};
    StatisticalModel model;
    model.parameters = {{"mu", 1.0, 0.0, 10.0, false}, {"kappa", 0.5, -3.0, 3.0, false}};
    model.parameter_of_interest = "mu";
    for (const auto* text : {"mu^1.5*kappa^2 - 2*sqrt(mu)", "1 - kappa + kappa^3", "mu*kappa"}) {
        model.processes.push_back(
            {"p" + std::to_string(model.processes.size()), 10.0, Coefficient::parse(text, names)});
    }
    return model;
}

}  // namespace

TEST_CASE("a parameter with a root is replaced by its square root", "[physics]") {
    const MixtureCoefficients mixture(two_parameter_model());
    const std::vector<double> theta{2.25, -1.5};

    const auto u = mixture.coordinates().to_internal(theta);

    CHECK(u == std::vector<double>{1.5, -1.5});
    CHECK(mixture.coordinates().to_external(u) == theta);
    CHECK(mixture.coordinates().high()[0] == Approx(std::sqrt(10.0)));
    CHECK(mixture.coordinates().slope(0, 1.5) == 3.0);
    CHECK(mixture.coordinates().slope(1, 1.5) == 1.0);
}

TEST_CASE("rates are coefficient times yield", "[physics]") {
    const MixtureCoefficients mixture(two_parameter_model());

    const auto rates = mixture.rates_at(std::vector<double>{4.0, 2.0});

    CHECK(rates[0] == Approx(10.0 * (8.0 * 4.0 - 2.0 * 2.0)));
    CHECK(rates[1] == Approx(10.0 * (1.0 - 2.0 + 8.0)));
    CHECK(rates[2] == Approx(10.0 * 8.0));
}

TEST_CASE("derivatives of the rates agree with finite differences", "[physics]") {
    const MixtureCoefficients mixture(two_parameter_model());
    const double h = 1e-5;
    for (const std::vector<double>& u : {std::vector{1.3, 0.7}, {0.0, -1.2}, {2.0, 0.0}}) {
        const MixtureRates here = mixture.rates(u);
        for (std::size_t a = 0; a < 2; ++a) {
            auto up = u;
            auto down = u;
            up[a] += h;
            down[a] -= h;
            const MixtureRates above = mixture.rates(up);
            const MixtureRates below = mixture.rates(down);
            for (std::size_t j = 0; j < 3; ++j) {
                CHECK((above.value[j] - below.value[j]) / (2 * h) ==
                      Approx(here.gradient[j * 2 + a]).margin(1e-6));
                for (std::size_t b = 0; b < 2; ++b) {
                    const double slope =
                        (above.gradient[j * 2 + b] - below.gradient[j * 2 + b]) / (2 * h);
                    CHECK(slope == Approx(here.hessian[(j * 2 + a) * 2 + b]).margin(1e-6));
                }
            }
        }
    }
}

TEST_CASE("the coefficients of another set of anchors add up to the same polynomial", "[physics]") {
    // Samples at mu = 10, 1 and 0 instead of the pure signal: |S|^2 mu + I sqrt(mu) + B.
    const std::vector<std::string> names{"mu"};
    StatisticalModel model;
    model.parameters = {{"mu", 1.0, 0.0, 10.0, false}};
    const double s = 100.0;
    const double i = -290.0;
    const double b = 900.0;
    const auto rate = [&](double mu) { return s * mu + i * std::sqrt(mu) + b; };
    const std::string k = "(mu - sqrt(mu)) / (10 - sqrt(10))";
    model.processes = {
        {"SBI10", rate(10.0), Coefficient::parse(k, names)},
        {"SBI1", rate(1.0), Coefficient::parse("sqrt(mu) - sqrt(10) * " + k, names)},
        {"B", rate(0.0), Coefficient::parse("1 - sqrt(mu) - (1 - sqrt(10)) * " + k, names)}};

    const MixtureCoefficients mixture(model);

    for (const double mu : {0.0, 0.3, 1.0, 5.0, 10.0}) {
        CHECK(mixture.rates(std::vector{std::sqrt(mu)}).total() == Approx(rate(mu)));
    }
}

TEST_CASE("a model that does not hold together is refused", "[physics]") {
    StatisticalModel negative_root = two_parameter_model();
    negative_root.parameters[0].low = -1.0;
    CHECK_THROWS_AS(MixtureCoefficients(negative_root), ConfigError);

    StatisticalModel unknown = two_parameter_model();
    unknown.parameters[1].name = "kapa";
    CHECK_THROWS_WITH(MixtureCoefficients(unknown),
                      Catch::Matchers::Contains("process 'p0'") &&
                          Catch::Matchers::Contains("did you mean 'kapa'"));
}
