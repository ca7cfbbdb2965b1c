// Test statistics and CLs limits against the formulae, golden numbers and brute force.

#include "ratiofarm/fit/limits.hpp"

#include <cmath>
#include <functional>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/fit/fit.hpp"
#include "ratiofarm_test/catch.hpp"

#include "model_events.hpp"

using namespace ratiofarm;

namespace {

/// A sample of one binned region; `gammas` names one factor per bin.
BinnedSample sample(std::string name,
                    std::vector<double> contents,
                    const std::string& coefficient,
                    std::vector<std::string> gammas = {}) {
    const std::vector<std::string> names{"mu", "lumi"};
    BinnedSample result{.name = std::move(name),
                        .contents = std::move(contents),
                        .coefficient = Coefficient::parse(coefficient, names)};
    if (!gammas.empty()) result.factors.push_back({std::move(gammas)});
    return result;
}

Parameter gamma(std::string name, double relative) {
    return {.name = std::move(name),
            .low = 1e-10,
            .high = 10.0,
            .constraint = {.kind = Constraint::Kind::poisson, .observed = 1.0, .width = relative}};
}

StatisticalModel model_of(std::vector<BinnedRegion> regions, std::vector<Parameter> nuisance) {
    StatisticalModel model;
    model.parameters = {{.name = "mu", .low = 0.0, .high = 10.0}};
    for (auto& parameter : nuisance) model.parameters.push_back(std::move(parameter));
    model.binned = std::move(regions);
    model.parameter_of_interest = "mu";
    return model;
}

/// s = 10, b = 50 +- 7, one bin.
StatisticalModel one_bin(double s = 10.0) {
    return model_of(
        {{"SR", {sample("signal", {s}, "mu"), sample("background", {50.0}, "1", {"gamma"})}}},
        {gamma("gamma", 7.0 / 50.0)});
}

LikelihoodData counts(std::vector<std::vector<double>> binned) { return {{}, std::move(binned)}; }

/// Observed data and their background-only Asimov data, fitted.
struct Tests {
    Tests(const StatisticalModel& model,
          const LikelihoodData& data,
          double asimov_at = 0.0,
          double inflation = 1.0)
        : data_(data),
          likelihood(model, data_, test::one_rank),
          result(fit(likelihood, {.interval = false}, Log())),
          observed(likelihood, result, inflation),
          expected(likelihood.expected_data(
              data_, likelihood.coordinates().to_internal(observed.conditional(asimov_at)))),
          asimov_likelihood(model, expected.data, test::one_rank) {
        asimov_likelihood.set_observed(expected.observed);
        asimov_result = fit(asimov_likelihood, {.interval = false}, Log());
        asimov.emplace(asimov_likelihood, asimov_result, inflation);
    }

    LikelihoodData data_;
    Likelihood likelihood;
    FitResult result;
    TestStatistics observed;
    ExpectedData expected;
    Likelihood asimov_likelihood;
    FitResult asimov_result;
    std::optional<TestStatistics> asimov;
};

}  // namespace

TEST_CASE("the normal distribution agrees with tables", "[fit]") {
    CHECK(normal_cdf(0.0) == 0.5);
    CHECK(normal_cdf(1.0) == Approx(0.841344746068543).epsilon(1e-13));
    CHECK(normal_tail(5.0) == Approx(2.866515718791939e-07).epsilon(1e-12));
    CHECK(normal_tail(30.0) == Approx(4.906713927148187e-198).epsilon(1e-10));
    // ln of tails: of the density over x + 1 / (x + 2 / x), and of numbers that exist.
    CHECK(log_normal_tail(1e4) == Approx(-0.5e8 - std::log(1e4 * std::sqrt(2.0 * M_PI))));
    CHECK(log_normal_tail(38.0) == Approx(-726.55721601882013).epsilon(1e-14));
    for (const double x : {-9.0, -1.0, 2.0, 4.999, 5.001, 30.0}) {
        CHECK(log_normal_tail(x) == Approx(std::log(normal_tail(x))).margin(1e-13).epsilon(1e-13));
    }
    CHECK(normal_quantile(0.95) == Approx(1.6448536269514722).epsilon(1e-13));
    CHECK(normal_quantile(1e-20) == Approx(-9.262340089798408).epsilon(1e-13));
    for (const double x : {-8.0, -1.3, 0.0, 0.7, 3.0}) {
        CHECK(normal_quantile(normal_cdf(x)) == Approx(x).margin(1e-12));
    }
    CHECK(normal_quantile(2.866515718791939e-07) == Approx(-5.0).epsilon(1e-12));
    CHECK(std::isinf(normal_quantile(0.0)));
    CHECK(std::isinf(normal_quantile(1.0)));
}

TEST_CASE("inflated limits are those of a likelihood that has the variance itself", "[fit]") {
    const double b = 1e6;
    const auto model = [&](std::vector<std::string> gammas, std::vector<Parameter> nuisance) {
        return model_of({{"SR", {sample("signal", {1000.0}, "mu"), sample("B", {b}, "1", gammas)}}},
                        std::move(nuisance));
    };
    const LikelihoodData data = counts({{b + 500.0}});
    const double relative = 1e-3;  // of b: as much variance as its counts have
    Tests wide(model({"gamma"}, {gamma("gamma", relative)}), data);
    Tests inflated(model({}, {}), data, 0.0, 1.0 + relative * relative * b);
    const Parameter& poi = wide.likelihood.model().parameters[0];

    const UpperLimits expected = upper_limits(wide.observed, *wide.asimov, poi, {});
    const UpperLimits limits = upper_limits(inflated.observed, *inflated.asimov, poi, {});

    CHECK(*limits.observed == Approx(*expected.observed).epsilon(0.005));
    for (std::size_t k = 0; k < 5; ++k) {
        CHECK(*limits.expected[k] == Approx(*expected.expected[k]).epsilon(0.005));
    }
    CHECK(discovery_test(inflated.observed, nullptr).significance ==
          Approx(discovery_test(wide.observed, nullptr).significance).epsilon(0.005));
}

TEST_CASE("expected CLs and its inverse agree", "[fit]") {
    for (const double n : band_sigmas) {
        const double root = root_of_asimov_at(0.05, n);
        CHECK(expected_cls(root * root, n) == Approx(0.05).epsilon(1e-10));
    }
    // At the median the observed value is the Asimov one.
    CHECK(cls_of_q(2.0, 2.0).cls == Approx(expected_cls(2.0, 0.0)).epsilon(1e-13));
    // Both formulae of q-tilde meet at q = q_A; beyond it q-tilde excludes more than q.
    CHECK(cls_of_q_tilde(2.0 + 1e-9, 2.0).cls == Approx(cls_of_q(2.0, 2.0).cls).epsilon(1e-7));
    CHECK(cls_of_q_tilde(3.0, 2.0).cls < cls_of_q(3.0, 2.0).cls);
}

TEST_CASE("one bin with an uncertain background has the golden CLs", "[fit][golden]") {
    Tests tests(one_bin(), counts({{55.0}}));

    const ClsTest test = cls_test(tests.observed, *tests.asimov, 1.0);

    // In closed form, by bisection of the score of gamma in double precision.
    CHECK(test.q == Approx(0.23960076181526802).epsilon(1e-9));
    CHECK(test.q_asimov == Approx(0.9569335914482053).epsilon(1e-9));
    const double exact[5] = {0.06371798273879814, 0.15096501475144553, 0.3279606682968376,
                             0.6046087046521166, 0.8662627474234226};
    // As pyhf's validation states them: its fits end a few 1e-6 from the minimum.
    const double pyhf[5] = {0.06372011644331387, 0.1509686618126131, 0.3279657430196915,
                            0.604613569829645, 0.8662652332047568};
    CHECK(test.observed.cls == Approx(0.45418653021558975).epsilon(1e-9));
    CHECK(std::abs(test.observed.cls - 0.45418892944576333) < 6e-6);
    for (std::size_t k = 0; k < 5; ++k) {
        CHECK(test.expected[k] == Approx(exact[k]).epsilon(1e-9));
        CHECK(std::abs(test.expected[k] - pyhf[k]) < 6e-6);
    }
}

TEST_CASE("an uncertain luminosity has the golden CLs", "[fit][golden]") {
    const Parameter lumi{
        .name = "lumi",
        .low = 0.0,
        .high = 10.0,
        .constraint = {.kind = Constraint::Kind::gaussian, .observed = 1.0, .width = 0.1}};
    const auto model = model_of(
        {{"SR", {sample("signal", {20.0}, "mu"), sample("background", {100.0}, "lumi")}}}, {lumi});
    Tests tests(model, counts({{55.0}}));

    const ClsTest test = cls_test(tests.observed, *tests.asimov, 1.0, TestStatistic::q);
    const ClsTest tilde = cls_test(tests.observed, *tests.asimov, 1.0);

    // In closed form as above; pyhf's validation states the other number.
    CHECK(test.observed.cls == Approx(0.01047282922669357).epsilon(1e-9));
    CHECK(std::abs(test.observed.cls - 0.010473144401519705) < 1e-6);
    CHECK(test.expected[2] == Approx(0.13614300450762204).epsilon(1e-9));
    CHECK(tilde.q == Approx(12.24555632216294).epsilon(1e-9));
    CHECK(tilde.observed.cls == Approx(0.0015742693472762224).epsilon(1e-9));
}

TEST_CASE("signal and control channel have the golden CLs", "[fit][golden]") {
    const auto model =
        model_of({{"signal",
                   {sample("signal", {10.0, 35.0}, "mu"),
                    sample("background", {100.0, 150.0}, "1", {"s0", "s1"})}},
                  {"control", {sample("background", {200.0, 350.0}, "1", {"c0", "c1"})}}},
                 {gamma("s0", 0.1), gamma("s1", 10.0 / 150.0), gamma("c0", 5.0 / 200.0),
                  gamma("c1", 10.0 / 350.0)});
    Tests tests(model, counts({{110.0, 155.0}, {205.0, 345.0}}));

    CHECK(cls_test(tests.observed, *tests.asimov, 1.0).observed.cls ==
          Approx(0.0563327694384318).epsilon(2e-4));
}

TEST_CASE("limits are where the tests cross the level", "[fit]") {
    Tests tests(one_bin(), counts({{55.0}}));

    const UpperLimits limits =
        upper_limits(tests.observed, *tests.asimov, tests.likelihood.model().parameters[0], {});

    REQUIRE(limits.observed.has_value());
    const auto cls = [&](double mu) { return cls_test(tests.observed, *tests.asimov, mu); };
    CHECK(cls(*limits.observed).observed.cls == Approx(0.05).epsilon(1e-5));
    for (std::size_t k = 0; k < 5; ++k) {
        REQUIRE(limits.expected[k].has_value());
        CHECK(cls(*limits.expected[k]).expected[k] == Approx(0.05).epsilon(1e-5));
        if (k > 0) CHECK(*limits.expected[k] > *limits.expected[k - 1]);
    }
    const LimitOptions strict{.level = 0.99};
    CHECK(
        *upper_limits(tests.observed, *tests.asimov, tests.likelihood.model().parameters[0], strict)
             .observed > *limits.observed);
}

TEST_CASE("without a background uncertainty the limit is that of a brute-force scan", "[fit]") {
    StatisticalModel model = one_bin();
    model.parameters[1].fixed = true;
    const double s = 10.0, b = 50.0, n = 55.0;
    Tests tests(model, counts({{n}}));
    const auto nll = [&](double mu, double count) {
        return s * mu + b - count * std::log(s * mu + b);
    };
    const auto q = [&](double mu, double count) {
        const double hat = std::max(0.0, (count - b) / s);
        return hat > mu ? 0.0 : 2.0 * (nll(mu, count) - nll(hat, count));
    };
    const auto cls = [&](double mu) {
        const double root = std::sqrt(q(mu, n)), root_a = std::sqrt(q(mu, b));
        const double x = root <= root_a ? root - root_a : (q(mu, n) - q(mu, b)) / (2.0 * root_a);
        const auto tail = [](double z) { return 0.5 * std::erfc(z / std::sqrt(2.0)); };
        return tail(x + root_a) / tail(x);
    };
    double low = 0.5, high = 5.0;
    for (int k = 0; k < 60; ++k) (cls(0.5 * (low + high)) > 0.05 ? low : high) = 0.5 * (low + high);

    const UpperLimits limits = upper_limits(tests.observed, *tests.asimov, model.parameters[0], {});

    CHECK(*limits.observed == Approx(low).epsilon(1e-6));
}

TEST_CASE("data 45 standard deviations below the background have a limit", "[fit]") {
    StatisticalModel model = one_bin();
    model.binned[0].samples[1].contents = {2000.0};
    model.parameters[1].fixed = true;
    Tests tests(model, counts({{0.0}}));

    const UpperLimits limits = upper_limits(tests.observed, *tests.asimov, model.parameters[0], {});

    // q = 20 mu; q_A = 20 mu - 4000 ln(1 + mu / 200); by bisection with 50 digits.
    REQUIRE(limits.observed.has_value());
    CHECK(*limits.observed == Approx(0.29942381371936738).epsilon(1e-7));
    const ClsTest far = cls_test(tests.observed, *tests.asimov, 9.0);
    CHECK(far.observed.p_b == 0.0);
    CHECK(far.observed.cls > 0.0);
    CHECK(far.observed.cls < 1e-30);
}

TEST_CASE("every test statistic follows its definition on both sides of zero", "[fit]") {
    StatisticalModel model = one_bin();
    model.parameters[0].low = -4.0;
    model.parameters[1].fixed = true;
    const auto t = [](double mu, double at, double n) {  // 2 ln L(at) / L(mu)
        const auto nll = [&](double m) { return 10.0 * m + 50.0 - n * std::log(10.0 * m + 50.0); };
        return 2.0 * (nll(mu) - nll(at));
    };
    for (const double n : {41.0, 62.0}) {
        const double hat = (n - 50.0) / 10.0;
        Tests tests(model, counts({{n}}));
        const auto value = [&](TestStatistic s, double mu) { return tests.observed.value(s, mu); };
        for (const double mu : {0.4, 2.0}) {
            const double plain = t(mu, hat, n);
            const double tilde = t(mu, std::max(0.0, hat), n);
            CHECK(value(TestStatistic::t, mu) == Approx(plain).epsilon(1e-8));
            CHECK(value(TestStatistic::t_tilde, mu) == Approx(tilde).epsilon(1e-8));
            CHECK(value(TestStatistic::q, mu) == Approx(hat > mu ? 0.0 : plain).epsilon(1e-8));
            CHECK(value(TestStatistic::q_tilde, mu) ==
                  Approx(hat > mu ? 0.0 : tilde).epsilon(1e-8));
        }
        CHECK(value(TestStatistic::q0, 0.0) ==
              Approx(hat < 0.0 ? 0.0 : t(0.0, hat, n)).epsilon(1e-8));
    }
}

TEST_CASE("a discovery has the significance of its q0, and an expectation", "[fit]") {
    // Without uncertainty: Z^2 = 2 (n ln(n / b) - (n - b)).
    StatisticalModel model = one_bin(25.0);
    model.parameters[1].fixed = true;
    Tests tests(model, counts({{80.0}}), 1.0);

    const DiscoveryTest test = discovery_test(tests.observed, &*tests.asimov);

    const auto z = [](double n) { return std::sqrt(2.0 * (n * std::log(n / 50.0) - n + 50.0)); };
    CHECK(test.significance == Approx(z(80.0)).epsilon(1e-8));
    CHECK(test.p_value == Approx(normal_tail(z(80.0))).epsilon(1e-7));
    CHECK(*test.expected_significance == Approx(z(75.0)).epsilon(1e-8));
}

TEST_CASE("a limit beyond the range is missing, mistakes are refused", "[fit]") {
    StatisticalModel model = one_bin();
    model.parameters[0].high = 1.5;
    Tests tests(model, counts({{60.0}}));
    const Parameter& poi = model.parameters[0];

    CHECK_FALSE(upper_limits(tests.observed, *tests.asimov, poi, {}).observed.has_value());
    CHECK_THROWS_AS(
        upper_limits(tests.observed, *tests.asimov, poi, {.statistic = TestStatistic::t}),
        ConfigError);
    CHECK_THROWS_AS(tests.observed.value(TestStatistic::t, 1.6), ConfigError);
    CHECK_THROWS_AS(parse_test_statistic("q-tilde"), ConfigError);
    StatisticalModel fixed = one_bin();
    fixed.parameters[0].fixed = true;
    const Likelihood likelihood(fixed, counts({{55.0}}), test::one_rank);
    const FitResult result = fit(likelihood, {}, Log());
    CHECK_THROWS_AS(TestStatistics(likelihood, result), ConfigError);
}
