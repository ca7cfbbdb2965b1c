#include "ratiofarm/fit/limits.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {
namespace {

void check_statistic(TestStatistic statistic) {
    if (statistic == TestStatistic::q || statistic == TestStatistic::q_tilde) return;
    throw ConfigError("upper limit from '" + word_of(statistic) + "' (allowed: q, q_tilde)");
}

ClsValue cls_value(TestStatistic statistic, double q, double q_asimov) {
    return statistic == TestStatistic::q ? cls_of_q(q, q_asimov) : cls_of_q_tilde(q, q_asimov);
}

/// Where a function that falls from positive to negative crosses zero: Illinois variant of regula
/// falsi. \param low where it is positive
/// \return empty if it is still positive at the end of the range
std::optional<double> crossing(
    const std::function<double(double)>& f, double low, double step, double end, double tolerance) {
    double inside = low;
    double f_inside = f(inside);
    double outside = inside;
    double f_outside = f_inside;
    while (f_outside > 0.0) {
        if (outside >= end) return std::nullopt;
        inside = outside;
        f_inside = f_outside;
        outside = std::min(end, outside + step);
        f_outside = f(outside);
        step *= 1.6;
    }
    int stayed = 0;
    for (int k = 0; k < 100 && outside - inside > tolerance * std::abs(outside); ++k) {
        const double share = f_inside / (f_inside - f_outside);
        const double x = inside + share * (outside - inside);
        const double value = f(x);
        if (value == 0.0) return x;
        const bool is_inside = value > 0.0;
        if (is_inside && stayed > 0) f_outside *= 0.5;
        if (!is_inside && stayed < 0) f_inside *= 0.5;
        stayed = is_inside ? 1 : -1;
        (is_inside ? inside : outside) = x;
        (is_inside ? f_inside : f_outside) = value;
        if (std::abs(value) < 1e-11) return x;
    }
    return outside;
}

/// sqrt(q) of Asimov data, each value once.
class AsimovCurve {
public:
    AsimovCurve(TestStatistics& asimov, TestStatistic statistic)
        : asimov_(asimov), statistic_(statistic) {}

    double q(double mu) {
        const auto known = known_.find(mu);
        if (known != known_.end()) return known->second;
        return known_[mu] = asimov_.value(statistic_, mu);
    }

private:
    TestStatistics& asimov_;
    TestStatistic statistic_;
    std::map<double, double> known_;
};

}  // namespace

ClsTest cls_test(TestStatistics& observed,
                 TestStatistics& asimov,
                 double poi,
                 TestStatistic statistic) {
    check_statistic(statistic);
    ClsTest test{.poi = poi};
    test.q = observed.value(statistic, poi);
    test.q_asimov = asimov.value(statistic, poi);
    test.observed = cls_value(statistic, test.q, test.q_asimov);
    for (std::size_t k = 0; k < band_sigmas.size(); ++k) {
        test.expected[k] = expected_cls(test.q_asimov, band_sigmas[k]);
    }
    return test;
}

UpperLimits upper_limits(TestStatistics& observed,
                         TestStatistics& asimov,
                         const Parameter& poi,
                         const LimitOptions& options) {
    check_statistic(options.statistic);
    if (!(options.level > 0.0 && options.level < 1.0)) {
        throw ConfigError("upper limit: level = " + std::to_string(options.level) +
                          " (must be between 0 and 1)");
    }
    const double alpha = 1.0 - options.level;
    UpperLimits limits{.level = options.level, .statistic = options.statistic};
    AsimovCurve curve(asimov, options.statistic);
    const double start = std::max(poi.low, asimov.estimate());
    const double step = 0.02 * (poi.high - start);
    for (std::size_t k = 0; k < band_sigmas.size(); ++k) {
        const double wanted = root_of_asimov_at(alpha, band_sigmas[k]);
        limits.expected[k] = crossing([&](double mu) { return wanted - std::sqrt(curve.q(mu)); },
                                      start, step, poi.high, options.tolerance);
    }
    // ln CLs is nearly a parabola: its root is found in few steps.
    limits.observed = crossing(
        [&](double mu) {
            const double q = observed.value(options.statistic, mu);
            const double cls = cls_value(options.statistic, q, curve.q(mu)).cls;
            return std::log(std::max(cls, std::numeric_limits<double>::min()) / alpha);
        },
        std::max(start, observed.estimate()), step, poi.high, options.tolerance);
    for (const double point : options.points) {
        limits.scan.push_back(cls_test(observed, asimov, point, options.statistic));
    }
    return limits;
}

DiscoveryTest discovery_test(TestStatistics& observed, TestStatistics* asimov) {
    DiscoveryTest test;
    test.q0 = observed.value(TestStatistic::q0, 0.0);
    test.significance = std::sqrt(test.q0);
    test.p_value = normal_tail(test.significance);
    if (asimov != nullptr) {
        test.expected_significance = std::sqrt(asimov->value(TestStatistic::q0, 0.0));
    }
    return test;
}

}  // namespace ratiofarm
