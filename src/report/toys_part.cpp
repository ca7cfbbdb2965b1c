#include "toys_part.hpp"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "inference_plots.hpp"

namespace ratiofarm {
namespace {

std::vector<Cell> toys_row(const ToyPointResult& point, const ToyParameter& parameter) {
    std::vector<Cell> row{
        number_cell(fmt::format("{:.4g}", parameter.truth)),
        number_cell(fmt::format("{:.4g}", point.test)),
        number_cell(fmt::format("{}", point.toys)),
        number_cell(point.toys > 1
                        ? fmt::format("{:.4g} \u00b1 {:.4g}", parameter.mean, parameter.width)
                        : fmt::format("{:.4g}", parameter.mean)),
        number_cell(fmt::format("{:.3f}", parameter.pull_mean)),
        number_cell(parameter.pulls > 1 ? fmt::format("{:.3f}", parameter.pull_width)
                                        : std::string("-"))};
    for (const ToyStatistic& statistic : point.statistics) {
        row.push_back(number_cell(
            fmt::format("{:.4f} \u00b1 {:.4f}", statistic.p_value.value, statistic.p_value.error)));
    }
    return row;
}

std::string pulls_caption(const ToyParameter& parameter) {
    return fmt::format(
        "Pulls of {} over {} toys at {} = {:.4g}: mean {:.3f}, width {:.3f}; the outer bins hold "
        "all beyond",
        parameter.name, parameter.pulls, parameter.name, parameter.truth, parameter.pull_mean,
        parameter.pull_width);
}

std::string statistic_caption(const ToyStatistic& statistic,
                              const ToyPointResult& point,
                              const std::string& poi) {
    const bool beyond = statistic.observed >= statistic.histogram.high;
    return fmt::format(
        "{} at {} = {:.4g} over {} toys; {}: the data, {:.4g}, p = {:.3g}; the last "
        "bin holds all beyond",
        statistic.name, poi, point.test, point.toys, beyond ? "beyond the axis" : "vertical line",
        statistic.observed, statistic.p_value.value);
}

/// \param name what sets the files of this point apart
void add_distributions(const ToyPointResult& point,
                       const std::string& poi,
                       const std::string& name,
                       Figures& figures) {
    for (const ToyParameter& parameter : point.parameters) {
        if (parameter.name != poi || parameter.histogram.counts.empty()) continue;
        figures.add("toys_pulls" + name, pulls_plot(parameter), pulls_caption(parameter));
    }
    for (const ToyStatistic& statistic : point.statistics) {
        if (statistic.histogram.counts.empty()) continue;
        figures.add("toys_" + statistic.name + name, statistic_plot(statistic),
                    statistic_caption(statistic, point, poi));
    }
}

std::string belt_caption(const ToyResults& toys, const std::string& statistic) {
    std::string caption = fmt::format(
        "Neyman belt of {}: values of {} are accepted where the data lie below the thresholds",
        statistic, toys.poi);
    for (const NeymanResult& result : toys.neyman) {
        if (result.statistic != statistic) continue;
        caption += fmt::format("; {:g} %:", 100.0 * result.level);
        if (result.ranges.empty()) caption += " nothing";
        for (const AcceptedRange& range : result.ranges) {
            caption += fmt::format(" {}{:.4g} to {:.4g}{}", range.low_at_end ? "(grid) " : "",
                                   range.low, range.high, range.high_at_end ? " (grid)" : "");
        }
    }
    return caption;
}

}  // namespace

std::string toys_part(const ToyResults& toys, bool all, Figures& figures) {
    std::vector<std::vector<Cell>> rows;
    const std::size_t points = toys.points.size();
    for (std::size_t p = 0; p < points; ++p) {
        const ToyPointResult& point = toys.points[p];
        for (const ToyParameter& parameter : point.parameters) {
            if (parameter.name == toys.poi) rows.push_back(toys_row(point, parameter));
        }
        if (!all && p != 0 && p + 1 != points) continue;
        add_distributions(point, toys.poi, points == 1 ? "" : fmt::format("_{}", p + 1), figures);
    }
    for (std::size_t k = 0; points > 1 && k < toys.points[0].statistics.size(); ++k) {
        const std::string& name = toys.points[0].statistics[k].name;
        figures.add("neyman_" + name, neyman_plot(toys, k), belt_caption(toys, name));
    }
    std::vector<std::string> header{"truth of " + toys.poi, "tested",     "toys", "estimates",
                                    "pull, mean",           "pull, width"};
    for (const ToyStatistic& statistic : toys.points.front().statistics) {
        header.push_back("p-value of " + statistic.name);
    }
    return table_html("Toys", header, rows);
}

}  // namespace ratiofarm
