#include "inference_pictures.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "html.hpp"

namespace ratiofarm {
namespace {

constexpr double row_height = 17.0;
constexpr double name_width = 170.0;
constexpr double column_width = 230.0;
constexpr double gap = 30.0;

std::string text(double x, double y, std::string_view anchor, std::string_view words) {
    return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", x, y,
                       anchor, escape_html(words));
}

std::string line(double x0, double y0, double x1, double y1, std::string_view colour) {
    return fmt::format(
        "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\"/>\n", x0, y0,
        x1, y1, colour);
}

std::string rectangle(double x, double y, double width, double height, std::string_view colour) {
    return fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\"/>\n", x, y,
        width, height, colour);
}

std::string picture(double width, double height, const std::string& body) {
    return fmt::format(
        "<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" font-family=\"sans-serif\" "
        "font-size=\"11\" fill=\"#222222\">\n{}</svg>\n",
        width, height, body);
}

/// A linear scale from [-reach, reach] to a column.
struct Scale {
    double left;
    double reach;
    double at(double value) const {
        const double share = std::clamp(value / reach, -1.0, 1.0);
        return left + 0.5 * column_width * (1.0 + share);
    }
};

std::string pull_row(const FittedParameter& parameter, const Scale& scale, double y) {
    if (!parameter.pull) return {};
    const double error = parameter.constraint.value_or(0.0);
    return line(scale.at(*parameter.pull - error), y, scale.at(*parameter.pull + error), y,
                "#222222") +
           fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\"/>\n", scale.at(*parameter.pull),
                       y);
}

std::string impact_row(double impact, const Scale& scale, double y) {
    const double x = scale.at(impact);
    const double zero = scale.at(0.0);
    return rectangle(std::min(x, zero), y - 5.0, std::abs(x - zero), 10.0,
                     impact < 0.0 ? "#d55e00" : "#0072b2");
}

/// Blue for positive, vermillion for negative, white for zero.
std::string colour_of(double correlation) {
    const double c = std::clamp(correlation, -1.0, 1.0);
    const double fade = 1.0 - std::abs(c);
    const auto mix = [&](double full) { return static_cast<int>(full + fade * (255.0 - full)); };
    return c < 0.0 ? fmt::format("#{:02x}{:02x}{:02x}", mix(0xd5), mix(0x5e), mix(0x00))
                   : fmt::format("#{:02x}{:02x}{:02x}", mix(0x00), mix(0x72), mix(0xb2));
}

}  // namespace

std::string impacts_picture(const FitResult& fit, ImpactDefinition definition, std::size_t most) {
    auto impacts = ranked(fit.impacts, definition);
    impacts.resize(std::min(most, impacts.size()));
    if (impacts.empty()) return {};
    double largest = 0.0;
    for (const Impact& impact : impacts) {
        largest = std::max(largest, std::abs(impact_value(impact, definition).value_or(0.0)));
    }
    const Scale pulls{name_width + gap, 2.5};
    const Scale bars{name_width + 2.0 * gap + column_width, largest > 0.0 ? largest : 1.0};
    const double bottom = 24.0 + row_height * static_cast<double>(impacts.size());
    std::string body = text(pulls.at(0.0), 12.0, "middle", "pull and post-fit error") +
                       text(bars.at(0.0), 12.0, "middle", "impact on " + fit.poi);
    for (const double mark : {-2.0, -1.0, 0.0, 1.0, 2.0}) {
        body += line(pulls.at(mark), 20.0, pulls.at(mark), bottom, "#d0d4da") +
                text(pulls.at(mark), bottom + 14.0, "middle", fmt::format("{:.0f}", mark));
    }
    body += line(bars.at(0.0), 20.0, bars.at(0.0), bottom, "#d0d4da");
    for (const double mark : {-1.0, 0.0, 1.0}) {
        body += text(bars.at(mark * largest), bottom + 14.0, "middle",
                     fmt::format("{:.3g}", mark * largest));
    }
    double y = 20.0 + 0.5 * row_height;
    for (const Impact& impact : impacts) {
        body += text(name_width, y + 4.0, "end", impact.parameter);
        const FittedParameter* parameter = find_fitted(fit, impact.parameter);
        if (parameter != nullptr) body += pull_row(*parameter, pulls, y);
        body += impact_row(impact_value(impact, definition).value_or(0.0), bars, y);
        y += row_height;
    }
    return picture(name_width + 2.0 * (gap + column_width) + gap, bottom + 22.0, body);
}

std::string correlation_picture(const FitResult& fit, std::size_t most) {
    std::vector<std::size_t> shown;
    for (std::size_t a = 0; a < fit.parameters.size(); ++a) {
        if (fit.parameters[a].error > 0.0) shown.push_back(a);
    }
    if (shown.size() < 2 || shown.size() > most) return {};
    constexpr double cell = 26.0;
    const auto n = static_cast<double>(shown.size());
    std::string body;
    for (std::size_t k = 0; k < shown.size(); ++k) {
        const double y = cell * static_cast<double>(k);
        body += text(name_width, y + 17.0, "end", fit.parameters[shown[k]].name);
        for (std::size_t l = 0; l <= k; ++l) {
            const double x = name_width + 6.0 + cell * static_cast<double>(l);
            const double correlation = fit.correlation[shown[k]][shown[l]];
            body += rectangle(x, y, cell - 1.0, cell - 1.0, colour_of(correlation)) +
                    text(x + 0.5 * cell, y + 17.0, "middle",
                         fmt::format("{:.0f}", 100.0 * correlation));
        }
    }
    return picture(name_width + 12.0 + cell * n, cell * n, body);
}

}  // namespace ratiofarm
