#include "statistic_text.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include <fmt/format.h>

namespace ratiofarm {
namespace {

std::string limit_text(const std::optional<double>& limit) {
    return limit ? fmt::format("{:.5g}", *limit) : std::string("beyond the range");
}

std::string test_rows(const UpperLimits& limits, const std::string& poi) {
    if (limits.scan.empty()) return {};
    std::string text = fmt::format("{:>10} {:>10} {:>10} {:>9} {:>9} {:>9}\n", poi, "q", "q_asimov",
                                   "p_sb", "p_b", "CLs");
    for (const ClsTest& test : limits.scan) {
        text += fmt::format("{:>10.5g} {:>10.5f} {:>10.5f} {:>9.3g} {:>9.3g} {:>9.3g}\n", test.poi,
                            test.q, test.q_asimov, test.observed.p_sb, test.observed.p_b,
                            test.observed.cls);
    }
    text += fmt::format("{:>10} {:>10} {:>10} {:>9} {:>9} {:>9}\n", poi, "CLs at -2", "-1",
                        "expected", "+1", "+2");
    for (const ClsTest& test : limits.scan) {
        const auto& cls = test.expected;
        text += fmt::format("{:>10.5g} {:>10.3g} {:>10.3g} {:>9.3g} {:>9.3g} {:>9.3g}\n", test.poi,
                            cls[0], cls[1], cls[2], cls[3], cls[4]);
    }
    return text;
}

}  // namespace

std::string discovery_text(const FitRecord& record) {
    const DiscoveryTest& discovery = record.limits.value().discovery;
    const std::string& poi = record.fit.poi;
    std::string text = fmt::format("{} = 0: q0 = {:.5g}, p = {:.4g}, Z = {:.4g}", poi, discovery.q0,
                                   discovery.p_value, discovery.significance);
    if (discovery.expected_significance) {
        text +=
            fmt::format("; expected Z = {:.4g} at {} = {:.4g}", *discovery.expected_significance,
                        poi, record.limits->expected_at.value_or(NAN));
    }
    return text;
}

std::string observation_text(const FitRecord& record) {
    return is_of_asimov(record) ? "with " + record.data + " in place of what is observed"
                                : "observed in: " + record.data;
}

std::string limits_text(const FitRecord& record) {
    if (!record.limits) return "no limits\n";
    const UpperLimits& limits = record.limits->limits;
    const std::string& poi = record.fit.poi;
    std::string text;
    for (const auto& warning : record.limits->warnings) {
        text += fmt::format("warning: {}\n", warning);
    }
    text += fmt::format("{} < {} at {:.4g} % CLs, {}\n", poi, limit_text(limits.observed),
                        100.0 * limits.level, observation_text(record));
    text += fmt::format("expected {} (-1, +1: {} to {}; -2, +2: {} to {})\n",
                        limit_text(limits.expected[2]), limit_text(limits.expected[1]),
                        limit_text(limits.expected[3]), limit_text(limits.expected[0]),
                        limit_text(limits.expected[4]));
    text += discovery_text(record) + '\n' + test_rows(limits, poi);
    text += fmt::format(
        "from {}, asymptotic formulae of arXiv:1007.1727; CLs = p_sb / p_b; "
        "expected from {}\n",
        word_of(limits.statistic), record.limits->asimov);
    return text;
}

namespace {

/// What a reader of a table of t must know of a point.
std::string remark(const ScanPoint& point) {
    std::string text = point.converged ? "" : "  NOT CONVERGED";
    if (point.t < 0.0) text += "  BELOW THE MINIMUM";
    if (point.below_floor > 0) text += fmt::format("  {} events below floor", point.below_floor);
    return text;
}

std::string remark_on_scan(const FitResult& fit) {
    const auto failed = std::count_if(fit.scan.begin(), fit.scan.end(),
                                      [](const ScanPoint& point) { return !point.converged; });
    if (failed == 0) return {};
    return fmt::format("{} of {} points did not converge: their t is only an upper bound\n", failed,
                       fit.scan.size());
}

/// Three columns: both parameters and t.
std::string grid_text(const FitResult& fit) {
    const std::size_t comma = fit.scan_parameter.find(',');
    const std::string inner = fit.scan_parameter.substr(comma + 1);
    const auto found = std::find_if(fit.parameters.begin(), fit.parameters.end(),
                                    [&](const auto& p) { return p.name == inner; });
    const auto index = static_cast<std::size_t>(found - fit.parameters.begin());
    std::string text =
        fmt::format("{:>12} {:>12} {:>14}\n", fit.scan_parameter.substr(0, comma), inner, "t");
    for (const ScanPoint& point : fit.scan) {
        text += fmt::format("{:>12.6g} {:>12.6g} {:>14.6f}{}\n", point.poi,
                            point.parameters.at(index), point.t, remark(point));
    }
    return text + remark_on_scan(fit);
}

}  // namespace

std::string scan_text(const FitRecord& record) {
    if (record.fit.scan.empty()) return {};
    if (record.fit.scan_parameter.find(',') != std::string::npos) return grid_text(record.fit);
    const std::string& parameter =
        record.fit.scan_parameter.empty() ? record.fit.poi : record.fit.scan_parameter;
    std::string text = fmt::format("{:>12} {:>14}", parameter, "t");
    std::vector<const ComparisonFit*> columns;
    for (const auto& comparison : record.comparisons) {
        const auto& scan = comparison.fit.scan;
        const bool same =
            std::equal(scan.begin(), scan.end(), record.fit.scan.begin(), record.fit.scan.end(),
                       [](const auto& a, const auto& b) { return a.poi == b.poi; });
        if (same) columns.push_back(&comparison);
    }
    for (std::size_t c = 1; c <= columns.size(); ++c) {
        text += fmt::format("  {:>14}", fmt::format("t ({})", c));
    }
    text += '\n';
    for (std::size_t i = 0; i < record.fit.scan.size(); ++i) {
        text += fmt::format("{:>12.6g} {:>14.6f}", record.fit.scan[i].poi, record.fit.scan[i].t);
        for (const auto* column : columns)
            text += fmt::format("  {:>14.6f}", column->fit.scan[i].t);
        text += remark(record.fit.scan[i]);
        for (std::size_t c = 1; c <= columns.size(); ++c) {
            if (!columns[c - 1]->fit.scan[i].converged) {
                text += fmt::format("  NOT CONVERGED ({})", c);
            }
        }
        text += '\n';
    }
    for (std::size_t c = 1; c <= columns.size(); ++c) {
        text += fmt::format("({}): {}\n", c, columns[c - 1]->label);
    }
    return text + remark_on_scan(record.fit);
}

}  // namespace ratiofarm
