#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "fit_text.hpp"

namespace ratiofarm {
namespace {

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
        text += fmt::format("{:>12.6g} {:>12.6g} {:>14.6f}\n", point.poi,
                            point.parameters.at(index), point.t);
    }
    return text;
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
    for (const auto* column : columns) text += fmt::format("  {:>14}", "t, " + column->label);
    text += '\n';
    for (std::size_t i = 0; i < record.fit.scan.size(); ++i) {
        text += fmt::format("{:>12.6g} {:>14.6f}", record.fit.scan[i].poi, record.fit.scan[i].t);
        for (const auto* column : columns) {
            const auto width = std::max<std::size_t>(14, column->label.size() + 3);
            text += fmt::format("  {:>{}.6f}", column->fit.scan[i].t, width);
        }
        text += '\n';
    }
    return text;
}

}  // namespace ratiofarm
