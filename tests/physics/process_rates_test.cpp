#include "ratiofarm/physics/process_rates.hpp"

#include <cmath>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

namespace {

/// Two parameters, one of them with a root, and two nuisance parameters; three processes.
StatisticalModel two_parameter_model() {
    const std::vector<std::string> names{"mu", "kappa"};
    StatisticalModel model;
    model.parameters = {{"mu", 1.0, 0.0, 10.0, false},
                        {"kappa", 0.5, -3.0, 3.0, false},
                        {"alpha_1", 0.0, -5.0, 5.0, false},
                        {"alpha_2", 0.0, -5.0, 5.0, false}};
    model.parameter_of_interest = "mu";
    model.unbinned.resize(1);
    auto& processes = model.unbinned[0].processes;
    for (const auto* text : {"mu^1.5*kappa^2 - 2*sqrt(mu)", "1 - kappa + kappa^3", "mu*kappa"}) {
        processes.push_back(
            {"p" + std::to_string(processes.size()), 10.0, Coefficient::parse(text, names), {}});
    }
    processes[0].systematics = {{"alpha_1", Anchors{1.2, 0.9}}, {"alpha_2", Anchors{0.8, 1.1}}};
    processes[2].systematics = {{"alpha_2", Anchors{1.3, 0.6}, false, Interpolation::code0}};
    return model;
}

RateModel rates_of(const StatisticalModel& model) {
    return {model.unbinned[0], model, InternalCoordinates(model)};
}

}  // namespace

TEST_CASE("a parameter with a root is replaced by its square root", "[physics]") {
    const InternalCoordinates coordinates(two_parameter_model());
    const std::vector<double> theta{2.25, -1.5, 0.3, 0.0};

    const auto u = coordinates.to_internal(theta);

    CHECK(u == std::vector<double>{1.5, -1.5, 0.3, 0.0});
    CHECK(coordinates.to_external(u) == theta);
    CHECK(coordinates.high()[0] == Approx(std::sqrt(10.0)));
    CHECK(coordinates.gradient(0, 1.5) == 3.0);
    CHECK(coordinates.gradient(1, 1.5) == 1.0);
}

TEST_CASE("rates are coefficient times yield times the factors of systematics", "[physics]") {
    const auto model = two_parameter_model();

    const auto rates = rates_at(model, model.unbinned[0], std::vector<double>{4.0, 2.0, 1.0, -1.0});

    CHECK(rates[0] == Approx(10.0 * (8.0 * 4.0 - 2.0 * 2.0) * 1.2 * 1.1));
    CHECK(rates[1] == Approx(10.0 * (1.0 - 2.0 + 8.0)));
    CHECK(rates[2] == Approx(10.0 * 8.0 * 0.6));
}

TEST_CASE("derivatives of the rates agree with finite differences", "[physics]") {
    const RateModel model = rates_of(two_parameter_model());
    const double h = 1e-5;
    const std::size_t n = 4;
    const std::vector<std::vector<double>> points{
        {1.3, 0.7, 0.4, -0.3}, {0.0, -1.2, 1.6, 0.9}, {2.0, 0.0, -2.0, 1.4}};
    // ln Z of the first process: a form with all derivatives.
    const auto at = [&](const std::vector<double>& u) {
        ProcessRates rates = model.at(u);
        const double x = u[2] - 0.5 * u[3];
        std::vector<double> gradient{0.0, 0.0, std::cos(x), -0.5 * std::cos(x)};
        std::vector<double> curvature(n * n);
        for (std::size_t a = 2; a < 4; ++a) {
            for (std::size_t b = 2; b < 4; ++b) {
                curvature[a * n + b] = -std::sin(x) * (a == 2 ? 1.0 : -0.5) * (b == 2 ? 1.0 : -0.5);
            }
        }
        divide_rate(rates, 0, std::sin(x), gradient, curvature);
        return rates;
    };
    for (const auto& u : points) {
        const ProcessRates here = at(u);
        for (std::size_t a = 0; a < n; ++a) {
            auto up = u;
            auto down = u;
            up[a] += h;
            down[a] -= h;
            const ProcessRates above = at(up);
            const ProcessRates below = at(down);
            for (std::size_t j = 0; j < 3; ++j) {
                CHECK((above.value[j] - below.value[j]) / (2 * h) ==
                      Approx(here.gradient[j * n + a]).margin(1e-6));
                for (std::size_t b = 0; b < n; ++b) {
                    const double gradient =
                        (above.gradient[j * n + b] - below.gradient[j * n + b]) / (2 * h);
                    CHECK(gradient == Approx(here.hessian[(j * n + a) * n + b]).margin(1e-6));
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
    model.unbinned = {
        {"SR",
         {{"SBI10", rate(10.0), Coefficient::parse(k, names), {}},
          {"SBI1", rate(1.0), Coefficient::parse("sqrt(mu) - sqrt(10) * " + k, names), {}},
          {"B",
           rate(0.0),
           Coefficient::parse("1 - sqrt(mu) - (1 - sqrt(10)) * " + k, names),
           {}}}}};

    const RateModel mixture = rates_of(model);

    for (const double mu : {0.0, 0.3, 1.0, 5.0, 10.0}) {
        CHECK(mixture.at(std::vector{std::sqrt(mu)}).total() == Approx(rate(mu)));
    }
}

TEST_CASE("a model that does not hold together is refused", "[physics]") {
    StatisticalModel negative_root = two_parameter_model();
    negative_root.parameters[0].low = -1.0;
    CHECK_THROWS_AS(rates_of(negative_root), ConfigError);

    StatisticalModel unknown = two_parameter_model();
    unknown.parameters[1].name = "kapa";
    CHECK_THROWS_WITH(rates_of(unknown), Catch::Matchers::Contains("process 'p0'") &&
                                             Catch::Matchers::Contains("did you mean 'kapa'"));
}
