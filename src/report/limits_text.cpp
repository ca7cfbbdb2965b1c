#include <cmath>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "fit_text.hpp"

namespace ratiofarm {
namespace {

std::string limit_text(const std::optional<double>& limit) {
    return limit ? fmt::format("{:.5g}", *limit) : std::string("beyond the range");
}

std::string test_rows(const UpperLimits& limits, const std::string& poi) {
    if (limits.scan.empty()) return {};
    std::string text =
        fmt::format("{:>10} {:>10} {:>10} {:>9} {:>9} {:>9}  expected CLs at -2 .. 2\n", poi, "q",
                    "q_asimov", "p_sb", "p_b", "CLs");
    for (const ClsTest& test : limits.scan) {
        text += fmt::format("{:>10.5g} {:>10.5f} {:>10.5f} {:>9.3g} {:>9.3g} {:>9.3g} ", test.poi,
                            test.q, test.q_asimov, test.observed.p_sb, test.observed.p_b,
                            test.observed.cls);
        for (const double cls : test.expected) text += fmt::format(" {:>8.3g}", cls);
        text += '\n';
    }
    return text;
}

}  // namespace

std::string limits_text(const FitRecord& record) {
    if (!record.limits) return "no limits\n";
    const UpperLimits& limits = record.limits->limits;
    const DiscoveryTest& discovery = record.limits->discovery;
    const std::string& poi = record.fit.poi;
    std::string text = fmt::format("{} < {} at {:.4g} % CLs\n", poi, limit_text(limits.observed),
                                   100.0 * limits.level);
    text += fmt::format("expected {} (-1, +1: {} to {}; -2, +2: {} to {})\n",
                        limit_text(limits.expected[2]), limit_text(limits.expected[1]),
                        limit_text(limits.expected[3]), limit_text(limits.expected[0]),
                        limit_text(limits.expected[4]));
    text += fmt::format("{} = 0: q0 = {:.5g}, p = {:.4g}, Z = {:.4g}", poi, discovery.q0,
                        discovery.p_value, discovery.significance);
    if (discovery.expected_significance) {
        text +=
            fmt::format("; expected Z = {:.4g} at {} = {:.4g}", *discovery.expected_significance,
                        poi, record.limits->expected_at.value_or(NAN));
    }
    text += '\n' + test_rows(limits, poi);
    text += fmt::format(
        "from {}, asymptotic formulae of arXiv:1007.1727; CLs = p_sb / p_b; "
        "expected from {}\n",
        test_statistic_name(limits.statistic), record.limits->asimov);
    return text;
}

}  // namespace ratiofarm
