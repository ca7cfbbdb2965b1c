#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "ratiofarm/fit/asymptotics.hpp"
#include "ratiofarm/fit/test_statistic.hpp"

namespace ratiofarm {

/// A test of one value of the parameter of interest by CLs, asymptotic.
struct ClsTest {
    double poi = 0.0;
    double q = 0.0;         ///< of the observed data
    double q_asimov = 0.0;  ///< of Asimov data without signal
    ClsValue observed = {};
    std::array<double, 5> expected{};  ///< CLs at band_sigmas
};

/// Collective over the communicators of both. \param statistic q or q_tilde
/// \param asimov data without signal at the conditional best parameters of the observed data
ClsTest cls_test(TestStatistics& observed,
                 TestStatistics& asimov,
                 double poi,
                 TestStatistic statistic = TestStatistic::q_tilde);

/// Where CLs falls to 1 - level.
struct UpperLimits {
    double level = 0.95;
    TestStatistic statistic = TestStatistic::q_tilde;
    std::optional<double> observed = {};  ///< missing: beyond the range of the parameter
    std::array<std::optional<double>, 5> expected{};  ///< at band_sigmas: ascending
    std::vector<ClsTest> scan = {};                   ///< at the points asked for
};

struct LimitOptions {
    double level = 0.95;                               ///< in (0, 1)
    TestStatistic statistic = TestStatistic::q_tilde;  ///< q or q_tilde
    double tolerance = 1e-7;                           ///< of the limits, relative to their size
    std::vector<double> points = {};                   ///< where to list the tests
};

/// Collective over the communicators of both.
/// \throws ConfigError if the statistic is not one of upper limits, or a point outside the range
UpperLimits upper_limits(TestStatistics& observed,
                         TestStatistics& asimov,
                         const Parameter& poi,
                         const LimitOptions& options);

/// Test of the absence of a signal.
struct DiscoveryTest {
    double q0 = 0.0;
    double p_value = 0.5;
    double significance = 0.0;
    std::optional<double> expected_significance = {};  ///< from Asimov data with signal
};

/// Collective over the communicators. \param asimov data with signal; nullptr: no expectation
DiscoveryTest discovery_test(TestStatistics& observed, TestStatistics* asimov);

}  // namespace ratiofarm
