#include "binned_term.hpp"

#include <cmath>
#include <random>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm_test/catch.hpp"

using namespace ratiofarm;

namespace {

Coefficient coefficient(std::string_view text, const std::vector<std::string>& names) {
    return Coefficient::parse(text, names);
}

/// Every kind of effect: two shapes and a yield that share a parameter, one parameter twice in the
/// factors of a bin and in the coefficient of another sample, a root.
StatisticalModel rich_model() {
    StatisticalModel model;
    for (const std::string name : {"mu", "kappa", "jes", "jer", "g0", "g1", "g2"}) {
        model.parameters.push_back({.name = name, .low = name.front() == 'j' ? -5.0 : 0.0});
    }
    const std::vector<std::string> names{"mu", "kappa", "jes", "jer", "g0", "g1", "g2"};
    BinnedSample signal{
        .name = "signal",
        .contents = {5.0, 12.0, 3.0},
        .coefficient = coefficient("mu*kappa - 0.2*sqrt(mu)", names),
        .yields = {{"jes", {1.1, 0.92}}, {"jer", {1.2, 0.7}, Interpolation::code1}},
        .shapes = {{"jes", {5.5, 11.0, 3.5}, {4.0, 12.5, 2.9}},
                   {"jes", {5.1, 12.4, 2.9}, {5.0, 11.9, 3.1}, Interpolation::code2},
                   {"jer", {6.0, 12.0, 3.0}, {4.5, 12.2, 3.3}, Interpolation::code0}},
        .factors = {{{"g0", "g1", ""}}}};
    BinnedSample background{.name = "background",
                            .contents = {50.0, 40.0, 30.0},
                            .coefficient = coefficient("1", names),
                            .yields = {{"jes", {1.05, 0.97}}, {"jes", {0.8, 1.3}}},
                            .shapes = {{"jer", {52.0, 39.0, 31.0}, {49.0, 42.0, 29.5}}},
                            .factors = {{{"g0", "g1", "g2"}}, {{"g0", "", "g0"}}}};
    BinnedSample other{.name = "other",
                       .contents = {1.0, 0.0, 7.0},
                       .coefficient = coefficient("g2^2 + 0.5*kappa", names)};
    model.binned.push_back({"SR", {signal, background, other}});
    model.parameter_of_interest = "mu";
    return model;
}

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

struct Binned {
    explicit Binned(StatisticalModel m, std::vector<double> n)
        : model(std::move(m)),
          coordinates(model),
          observed(std::move(n)),
          term(model.binned[0], observed, model, coordinates) {}

    Evaluation at(const std::vector<double>& u) const {
        Evaluation result{.gradient = std::vector<double>(u.size()),
                          .hessian = std::vector<double>(u.size() * u.size()),
                          .fisher = std::vector<double>(u.size() * u.size())};
        term.add(u, result);
        return result;
    }

    StatisticalModel model;
    InternalCoordinates coordinates;
    std::vector<double> observed;
    BinnedTerm term;
};

std::vector<double> random_point(std::mt19937& random) {
    std::uniform_real_distribution<double> positive(0.3, 2.0);
    std::uniform_real_distribution<double> alpha(-1.8, 1.8);
    std::vector<double> theta;
    for (std::size_t a = 0; a < 7; ++a) {
        theta.push_back(a == 2 || a == 3 ? alpha(random) : positive(random));
    }
    return theta;
}

void check_finite_differences(const Binned& binned, const std::vector<double>& u) {
    const double step = 1e-5;
    const Evaluation here = binned.at(u);
    const std::size_t n = u.size();
    double scale = 1.0;
    for (const double h : here.hessian) scale = std::max(scale, std::abs(h));
    for (std::size_t a = 0; a < n; ++a) {
        auto up = u;
        auto down = u;
        up[a] += step;
        down[a] -= step;
        const Evaluation above = binned.at(up);
        const Evaluation below = binned.at(down);

        CHECK((above.nll - below.nll) / (2.0 * step) ==
              Approx(here.gradient[a]).margin(1e-7 * scale));
        for (std::size_t b = 0; b < n; ++b) {
            CHECK((above.gradient[b] - below.gradient[b]) / (2.0 * step) ==
                  Approx(here.hessian[a * n + b]).margin(1e-7 * scale));
        }
    }
}

/// Two parameters mu and alpha: nu = mu s + b (1 + delta alpha).
StatisticalModel counting_model(double s, double b, double delta) {
    StatisticalModel model;
    model.parameters = {{.name = "mu"}, {.name = "alpha", .start = 0.0, .low = -5.0}};
    const std::vector<std::string> names{"mu", "alpha"};
    model.binned.push_back(
        {"SR",
         {{.name = "S", .contents = {s}, .coefficient = coefficient("mu", names)},
          {.name = "B",
           .contents = {b},
           .coefficient = coefficient("1", names),
           .yields = {{"alpha", {1.0 + delta, 1.0 - delta}, Interpolation::code0}}}}});
    return model;
}

std::string message_of(StatisticalModel model, std::vector<double> observed) {
    try {
        Binned(std::move(model), std::move(observed));
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "accepted";
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
    std::vector<std::vector<double>> slope(3, std::vector<double>(7));  // of nu
    for (std::size_t a = 0; a < 7; ++a) {
        auto up = u;
        auto down = u;
        up[a] += step;
        down[a] -= step;
        const auto above = binned.term.expected(up);
        const auto below = binned.term.expected(down);
        for (std::size_t b = 0; b < 3; ++b) slope[b][a] = (above[b] - below[b]) / (2.0 * step);
    }

    const Evaluation at = binned.at(u);

    const auto nu = binned.term.expected(u);
    for (std::size_t a = 0; a < 7; ++a) {
        for (std::size_t c = 0; c < 7; ++c) {
            double sum = 0.0;
            for (std::size_t b = 0; b < 3; ++b) {
                sum += binned.observed[b] * slope[b][a] * slope[b][c] / (nu[b] * nu[b]);
            }
            CHECK(at.fisher[a * 7 + c] == Approx(sum).epsilon(1e-6).margin(1e-6));
            CHECK(at.fisher[a * 7 + c] == at.fisher[c * 7 + a]);
            CHECK(at.hessian[a * 7 + c] == Approx(at.hessian[c * 7 + a]).epsilon(1e-13));
        }
    }
}

TEST_CASE("an empty bin without expectation adds nothing", "[fit]") {
    const Binned binned(counting_model(10.0, 0.0, 0.0), {0.0});

    const Evaluation at = binned.at({0.0, 0.0});

    CHECK(at.nll == 0.0);
    CHECK(at.below_floor == 0);
    CHECK(at.gradient[0] == 10.0);
}

TEST_CASE("below its floor an expectation is continued smoothly and counted", "[fit]") {
    // nu = 1e-6 mu
    const auto nll = [](double observed, double mu) {
        return Binned(counting_model(1e-6, 0.0, 0.0), {observed}).at({mu, 0.0});
    };
    SECTION("with counts it is a barrier") {
        const Evaluation above = nll(3.0, 1.0 + 1e-9);
        const Evaluation below = nll(3.0, 1.0 - 1e-9);
        CHECK(below.below_floor == 1);
        CHECK(above.below_floor == 0);
        CHECK(above.gradient[0] == Approx(below.gradient[0]).epsilon(1e-7));
        CHECK(above.hessian[0] == Approx(below.hessian[0]).epsilon(1e-7));
        CHECK(nll(3.0, -2.0).nll > nll(3.0, -1.0).nll);
        CHECK(nll(3.0, -2.0).hessian[0] > 0.0);
    }
    SECTION("without counts it is a wall below zero") {
        CHECK(nll(0.0, -1e-3).below_floor == 1);
        CHECK(nll(0.0, -10.0).nll > 0.0);
        CHECK(nll(0.0, -10.0).hessian[0] > 0.0);
        CHECK(nll(0.0, -1e-9).gradient[0] == Approx(nll(0.0, 1e-9).gradient[0]).epsilon(1e-7));
    }
    SECTION("derivatives are those of the continuation") {
        check_finite_differences(Binned(counting_model(1e-6, 0.0, 0.0), {3.0}), {0.4, 0.0});
        check_finite_differences(Binned(counting_model(1e-6, 0.0, 0.0), {0.0}), {-0.4, 0.0});
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

TEST_CASE("what does not fit together is named", "[fit]") {
    const auto with = [](auto change) {
        StatisticalModel model = rich_model();
        change(model.binned[0].samples[1]);
        return message_of(std::move(model), {60.0, 48.0, 41.0});
    };
    CHECK(message_of(rich_model(), {60.0, 48.0}) ==
          "region 'SR': 2 observed counts for 3 bins (must be one each)");
    CHECK(message_of(rich_model(), {60.0, -1.0, 41.0}).find("bin 1: observed count -1") !=
          std::string::npos);
    CHECK(with([](BinnedSample& s) { s.contents.pop_back(); }).find("'background'") !=
          std::string::npos);
    CHECK(with([](BinnedSample& s) { s.contents[2] = NAN; }).find("bin 2") != std::string::npos);
    CHECK(with([](BinnedSample& s) { s.yields[0].anchors.down = 0.0; }).find("'jes'") !=
          std::string::npos);
    CHECK(with([](BinnedSample& s) { s.yields[0].parameter = "jess"; }).find("jes") !=
          std::string::npos);
    CHECK(with([](BinnedSample& s) { s.shapes[0].code = Interpolation::code4; }).find("code4p") !=
          std::string::npos);
    CHECK(with([](BinnedSample& s) { s.shapes[0].up.pop_back(); }).find("2 numbers for 3 bins") !=
          std::string::npos);
    CHECK(with([](BinnedSample& s) { s.factors[0].parameters.pop_back(); }).find("factors") !=
          std::string::npos);
    CHECK(with([](BinnedSample& s) { s.yields[0].parameter = "mu"; }).find("root") !=
          std::string::npos);
}
