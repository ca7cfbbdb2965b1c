// Where the events went, and the bins of the fit.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "campaign/selection/plain_campaign.hpp"

#include "html.hpp"
#include "report_plots.hpp"
#include "report_sections.hpp"

namespace ratiofarm {
namespace {

constexpr std::array region_palette{Colour::vermillion, Colour::blue,   Colour::green,
                                    Colour::purple,     Colour::orange, Colour::sky};

std::string cuts_text(const SelectionRegion& region) {
    std::string text;
    for (const Cut& cut : region.cuts) {
        text += (text.empty() ? "" : ", ");
        if (std::isfinite(cut.low)) text += fmt::format("{:g} <= ", cut.low);
        text += cut.observable;
        if (std::isfinite(cut.high)) text += fmt::format(" < {:g}", cut.high);
    }
    return text.empty() ? "all events" : text;
}

const char* kind_text(SelectionRegion::Kind kind) {
    switch (kind) {
        case SelectionRegion::Kind::trained: return "unbinned";
        case SelectionRegion::Kind::thin: return "reference too thin: one bin";
        case SelectionRegion::Kind::binned: return "binned";
    }
    return "";
}

/// Share of the weights and number of events of one sample in every region.
std::vector<Cell> shares(const SelectionInputs& selection, const SampleSums& sums) {
    std::vector<Cell> cells;
    for (std::size_t i = 0; i < sums.regions.size(); ++i) {
        const double share = sums.sum != 0.0 && sums.inference_sum != 0.0
                                 ? efficiency(selection.written, sums, i)
                                 : 0.0;
        cells.push_back(
            number_cell(fmt::format("{:.2f} % ({})", 100.0 * share, sums.regions[i].events)));
    }
    return cells;
}

std::string shares_table(const SelectionInputs& selection,
                         const std::vector<SelectionRegion>& regions) {
    std::vector<std::string> header{"sample"};
    for (const SelectionRegion& region : regions) header.push_back(region.name);
    header.insert(header.end(), {"in no region", "outside the support"});
    std::vector<std::vector<Cell>> rows;
    for (const SampleSums& sums : selection.record.sums) {
        const std::string weights = sums.weights.empty() ? "" : ", weights " + sums.weights;
        std::vector<Cell> row{text_cell(sums.sample + weights)};
        for (Cell& cell : shares(selection, sums)) row.push_back(std::move(cell));
        row.push_back(number_cell(fmt::format("{} of {}", sums.nowhere, sums.events)));
        row.push_back(number_cell(fmt::format("{}", sums.outside)));
        rows.push_back(std::move(row));
    }
    return table_html("Share of each sample's weights in the regions, and number of events", header,
                      rows);
}

std::string regions_table(const std::vector<SelectionRegion>& regions) {
    std::vector<std::vector<Cell>> rows;
    for (const SelectionRegion& region : regions) {
        rows.push_back({text_cell(region.name), text_cell(kind_text(region.kind)),
                        text_cell(cuts_text(region)),
                        number_cell(fmt::format("{}", region.n_bins()))});
    }
    return table_html("Regions that events are selected into",
                      {"region", "likelihood", "events", "bins"}, rows);
}

/// Density of the score of each process, between the outermost bins that have any.
Plot score_plot(const SelectionInputs& selection) {
    constexpr double width = 2.0 * score_limit / static_cast<double>(score_bins);
    std::size_t first = score_bins;
    std::size_t last = 0;
    for (const ScoreHistogram& score : selection.record.scores) {
        for (std::size_t bin = 0; bin < score.weights.size(); ++bin) {
            if (score.weights[bin] == 0.0) continue;
            first = std::min(first, bin);
            last = std::max(last, bin + 1);
        }
    }
    Plot plot;
    plot.x.label = "preselection score";
    plot.panels.resize(1);
    plot.panels[0].y.label = "density";
    std::vector<double> edges;
    for (std::size_t bin = first; bin <= last; ++bin) {
        edges.push_back(-score_limit + width * static_cast<double>(bin));
    }
    std::size_t colour = 0;
    for (const ProcessSection& process : selection.written.processes) {
        const auto score =
            std::ranges::find(selection.record.scores, process.sample, &ScoreHistogram::sample);
        if (score == selection.record.scores.end() || first >= last) continue;
        double sum = 0.0;
        for (const double weight : score->weights) sum += weight;
        std::vector<double> density;
        for (std::size_t bin = first; bin < last; ++bin) {
            density.push_back(score->weights[bin] / (sum * width));
        }
        plot.panels[0].curves.push_back(outline(edges, density, process.name,
                                                region_palette[colour++ % region_palette.size()]));
    }
    return plot;
}

std::vector<double> numbered(std::size_t bins) {
    std::vector<double> edges;
    for (std::size_t i = 0; i <= bins; ++i) edges.push_back(static_cast<double>(i) + 0.5);
    return edges;
}

/// Outer edges may be infinite: their bins are drawn as wide as their neighbours.
std::vector<double> drawn_edges(const BinnedPicture& picture) {
    std::vector<double> edges = picture.edges;
    const std::size_t n = edges.size();
    if (n != picture.fitted.size() + 1) return numbered(picture.fitted.size());
    const bool open_low = !std::isfinite(edges[0]);
    const bool open_high = !std::isfinite(edges[n - 1]);
    if ((open_low && open_high && n < 4) || n < 3) {
        return open_low || open_high ? numbered(picture.fitted.size()) : edges;
    }
    if (open_low) edges[0] = 2.0 * edges[1] - edges[2];
    if (open_high) edges[n - 1] = 2.0 * edges[n - 2] - edges[n - 3];
    return edges;
}

Plot bins_plot(const BinnedPicture& picture) {
    const std::vector<double> edges = drawn_edges(picture);
    Plot plot;
    plot.x.label = picture.observable.empty() ? "bin" : picture.observable;
    plot.panels.resize(2);
    plot.panels[0].y.label = "events";
    plot.panels[0].y.low = 0.0;
    plot.panels[0].curves.push_back(outline(edges, picture.fitted, "fitted", Colour::blue));
    Curve data;
    data.label = picture.observed ? "data" : "Asimov data";
    data.mark = Mark::points;
    data.colour = Colour::black;
    Curve pulls = data;
    pulls.label.clear();
    for (std::size_t bin = 0; bin < picture.data.size(); ++bin) {
        const double x = 0.5 * (edges[bin] + edges[bin + 1]);
        const double error = std::sqrt(std::max(picture.fitted[bin], 0.0));
        data.x.push_back(x);
        data.y.push_back(picture.data[bin]);
        data.low.push_back(picture.data[bin] - error);
        data.high.push_back(picture.data[bin] + error);
        const double pull = (picture.data[bin] - picture.fitted[bin]) / error;
        pulls.x.push_back(x);
        pulls.y.push_back(pull);
        pulls.low.push_back(pull - 1.0);
        pulls.high.push_back(pull + 1.0);
    }
    plot.panels[0].curves.push_back(std::move(data));
    plot.panels[1] = {.y = {.label = "pull", .low = -4.0, .high = 4.0},
                      .curves = {std::move(pulls)},
                      .levels = {0.0},
                      .legend = Legend::none};
    return plot;
}

std::string bins_table(const BinnedPicture& picture) {
    std::vector<std::vector<Cell>> rows;
    const bool named = picture.edges.size() == picture.fitted.size() + 1;
    for (std::size_t bin = 0; bin < picture.fitted.size(); ++bin) {
        const double fitted = picture.fitted[bin];
        rows.push_back({text_cell(named ? fmt::format("{:g} to {:g}", picture.edges[bin],
                                                      picture.edges[bin + 1])
                                        : fmt::format("{}", bin)),
                        number_cell(fmt::format("{:.6g}", fitted)),
                        number_cell(fmt::format("{:.6g}", picture.data[bin])),
                        number_cell(fmt::format(
                            "{:+.2f}", (picture.data[bin] - fitted) / std::sqrt(fitted)))});
    }
    return table_html(picture.region +
                          ": contents of the bins at the minimum; pull = (data - fitted) / "
                          "sqrt(fitted)",
                      {picture.observable.empty() ? "bin" : picture.observable, "fitted",
                       picture.observed ? "data" : "Asimov data", "pull"},
                      rows);
}

}  // namespace

std::string regions_section(const ReportInputs& inputs, const Plotter& plotter) {
    if (!inputs.selection && inputs.binned.empty()) return {};
    std::string body;
    Figures figures(plotter, "regions");
    if (inputs.selection) {
        const auto regions = selection_regions(inputs.selection->written);
        body += regions_table(regions) + shares_table(*inputs.selection, regions);
        if (!inputs.selection->record.scores.empty()) {
            figures.add(score_plot(*inputs.selection),
                        "Score of the preselection over all events of each process");
        }
    }
    constexpr std::size_t most_pictures = 12;
    for (std::size_t i = 0; i < inputs.binned.size(); ++i) {
        const BinnedPicture& picture = inputs.binned[i];
        if (i < most_pictures && picture.fitted.size() > 1) {
            figures.add(bins_plot(picture), "Region " + picture.region);
        }
        if (i < most_pictures) body += bins_table(picture);
    }
    return section_html("regions", "Regions", body + figures.html());
}

}  // namespace ratiofarm
