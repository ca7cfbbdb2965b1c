#include "scan_plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include <fmt/format.h>

namespace ratiofarm {
namespace {

constexpr double chi2_95 = 3.841;  // 95 % of chi2 with one degree of freedom
constexpr std::array scan_palette{Colour::vermillion, Colour::black, Colour::green, Colour::purple,
                                  Colour::orange};

/// t where the parameter of interest is 0, by a line between the points around it.
std::optional<double> scanned_at_zero(const FitResult& fit) {
    const ScanPoint* last = nullptr;
    for (const ScanPoint& point : fit.scan) {
        if (!point.converged) continue;
        if (point.poi == 0.0) return point.t;
        if (last != nullptr && (last->poi < 0.0) != (point.poi < 0.0)) {
            return last->t - last->poi * (point.t - last->t) / (point.poi - last->poi);
        }
        last = &point;
    }
    return std::nullopt;
}

/// Where the axis ends.
double highest_shown(const FitRecord& record) {
    constexpr double enough = 12.0;
    constexpr double most = 40.0;  // higher, the line at 1 is hardly above the axis
    double highest = chi2_95;
    for (const ScanPoint& point : record.fit.scan) highest = std::max(highest, point.t);
    const double at_zero = scanned_at_zero(record.fit).value_or(0.0);
    const double wanted = at_zero <= most ? std::max(enough, 1.05 * at_zero) : enough;
    return std::min(highest * 1.1, wanted);
}

/// \param highest where the curve is cut
Curve scan_curve(
    const FitResult& fit, std::string label, Mark mark, Colour colour, double highest) {
    Curve result{.label = std::move(label), .mark = mark, .colour = colour};
    const ScanPoint* last = nullptr;
    for (const ScanPoint& point : fit.scan) {
        if (!point.converged) continue;
        if (last != nullptr && (last->t > highest) != (point.t > highest)) {
            const double part = (highest - last->t) / (point.t - last->t);
            result.x.push_back(last->poi + part * (point.poi - last->poi));
            result.y.push_back(highest);
        }
        last = &point;
        result.x.push_back(point.poi);
        // NaN is a gap; gnuplot draws no axes without a single point.
        const bool cut = point.t > highest && fit.scan.size() > 2;
        result.y.push_back(cut ? std::nan("") : point.t);
    }
    return result;
}

}  // namespace

Plot scan_plot(const FitRecord& record) {
    const double highest = highest_shown(record);
    Panel panel{.y = {.label = "t = -2 ln(L / L(best))", .low = 0.0, .high = highest},
                .curves = {},
                .levels = {1.0, chi2_95}};
    for (std::size_t c = 0; c < record.comparisons.size(); ++c) {
        const ComparisonFit& other = record.comparisons[c];
        if (other.fit.scan.empty()) continue;
        const Colour colour = scan_palette[c % scan_palette.size()];
        panel.curves.push_back(scan_curve(other.fit, other.label, Mark::dashes, colour, highest));
    }
    panel.curves.push_back(scan_curve(record.fit, "this fit", Mark::line, Colour::blue, highest));
    return {.x = {.label = record.fit.poi, .low = {}, .high = {}}, .panels = {panel}};
}

std::string scan_caption(const FitRecord& record) {
    std::string text =
        "Test statistic t; lines at 1 and at 3.84. Points that did not converge are left out.";
    const std::string at_zero = fmt::format(" At {} = 0, ", record.fit.poi);
    if (const auto t = scanned_at_zero(record.fit)) {
        if (*t > highest_shown(record)) {
            text += at_zero + fmt::format("above the picture, t = {:.4g}.", *t);
        }
    } else if (record.limits && record.limits->discovery.q0 > 0.0) {
        text += at_zero + fmt::format("beside the scan, t = {:.4g}.", record.limits->discovery.q0);
    }
    return text;
}

}  // namespace ratiofarm
