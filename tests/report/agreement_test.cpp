#include "report/agreement.hpp"

#include <cmath>
#include <vector>

#include "ratiofarm_test/catch.hpp"

#include "core/philox.hpp"

using namespace ratiofarm;

namespace {

std::vector<double> diagonal(const std::vector<double>& errors) {
    std::vector<double> result(errors.size() * errors.size(), 0.0);
    for (std::size_t b = 0; b < errors.size(); ++b) {
        result[b * errors.size() + b] = errors[b] * errors[b];
    }
    return result;
}

}  // namespace

TEST_CASE("chi2 is that of independent bins, and the rest solves its equation", "[report]") {
    // Equal errors: rest^2 = mean d^2 - error^2.
    const std::vector<double> difference{0.10, -0.10, 0.10, -0.10};
    const std::vector<double> unit(4, 1.0);
    const Agreement equal = agreement_of(difference, diagonal({0.06, 0.06, 0.06, 0.06}), unit);
    CHECK(equal.ndf == 4);
    CHECK(equal.chi2 == Approx(4.0 * 0.01 / 0.0036));
    CHECK(equal.rest == Approx(0.08));

    // In units of the contents.
    const std::vector<double> half(4, 0.5);
    CHECK(agreement_of(difference, diagonal({0.06, 0.06, 0.06, 0.06}), half).rest == Approx(0.16));

    // Without errors the root mean square is left.
    CHECK(agreement_of(difference, diagonal({0.0, 0.0, 0.0, 0.0}), unit).rest == Approx(0.10));
}

TEST_CASE("bins that nobody can measure do not hide what others show", "[report]") {
    // Four bins known to 0.001 are off by 0.03; twelve are only known to 0.5.
    std::vector<double> difference{0.03, -0.03, 0.03, -0.03};
    std::vector<double> error(4, 0.001);
    for (int b = 0; b < 12; ++b) {
        difference.push_back(b % 2 == 0 ? 0.5 : -0.5);
        error.push_back(0.5);
    }
    const Agreement found = agreement_of(difference, diagonal(error), std::vector<double>(16, 1.0));

    CHECK(found.rest == Approx(0.03).epsilon(0.02));
    CHECK(verdict_of(found) == Verdict::small);
}

TEST_CASE("a rest that is there is found within its scatter", "[report]") {
    constexpr double true_rest = 0.04;
    constexpr std::size_t bins = 400;
    PhiloxSequence random(3, 1);
    std::vector<double> difference;
    std::vector<double> error;
    for (std::size_t b = 0; b < bins; ++b) {
        error.push_back(0.005 + 0.0005 * static_cast<double>(b));
        difference.push_back(true_rest * random.normal() + error.back() * random.normal());
    }
    const Agreement found =
        agreement_of(difference, diagonal(error), std::vector<double>(bins, 1.0));

    CHECK(std::abs(found.rest - true_rest) < 0.01);
}

TEST_CASE("statistics explain what chi2 allows", "[report]") {
    const std::vector<double> unit(3, 1.0);
    const Agreement agrees =
        agreement_of(std::vector<double>{0.1, -0.1, 0.05}, diagonal({0.1, 0.1, 0.1}), unit);
    CHECK(agrees.rest == 0.0);
    CHECK(verdict_of(agrees) == Verdict::agrees);
    CHECK(verdict_of({.chi2 = 0.0, .ndf = 1}) == Verdict::nothing);  // one bin holds everything
    CHECK(verdict_of({}) == Verdict::nothing);
    CHECK(verdict_of({.chi2 = 3507.0, .ndf = 35, .rest = 0.02}) == Verdict::small);
    CHECK(verdict_of({.chi2 = 3507.0, .ndf = 35, .rest = 0.06}) == Verdict::differs);

    // Bins that add up to one: the covariance has no inverse.
    const double v = 0.01;
    const std::vector<double> sum_is_one{v, -v, 0.0, -v, v, 0.0, 0.0, 0.0, 0.0};
    const Agreement one = agreement_of(std::vector<double>{0.3, -0.3, 0.0}, sum_is_one, unit);
    CHECK(one.ndf == 1);
    CHECK(one.chi2 == Approx(9.0));
    CHECK(verdict_of(one) == Verdict::differs);
}
