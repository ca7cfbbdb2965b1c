// Where the events went, and the bins of the fit.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "ratiofarm/core/partition.hpp"

#include "campaign/selection/plain_campaign.hpp"

#include "html.hpp"
#include "report_plots.hpp"
#include "report_sections.hpp"
#include "spectrum_plots.hpp"

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

/// Share of the weights of some processes above each edge of the bins, from 1 to 0.
std::vector<double> shares_above(const SelectionInputs& selection,
                                 const std::vector<std::string>& processes) {
    std::vector<double> above(score_bins + 1, 0.0);
    for (const ProcessSection& process : selection.written.processes) {
        const auto score =
            std::ranges::find(selection.record.scores, process.events(), &ScoreHistogram::sample);
        if (score == selection.record.scores.end() ||
            std::ranges::find(processes, process.name) == processes.end()) {
            continue;
        }
        double sum = 0.0;
        for (std::size_t bin = score_bins; bin-- > 0;) {
            sum += score->weights[bin];
            above[bin] += sum;
        }
    }
    const double whole = above[0];
    for (double& share : above) share = whole == 0.0 ? 0.0 : share / whole;
    return above;
}

/// Share of the signal above a score against that of each other process.
Plot roc_plot(const SelectionInputs& selection) {
    const PreselectionSection& preselection = *selection.written.preselection;
    std::vector<std::string> signal;
    for (const std::string& name : preselection.signal) {
        const auto named =
            std::ranges::find(preselection.classes, name, &PreselectionSection::Class::name);
        if (named == preselection.classes.end()) {
            signal.push_back(name);
        } else {
            signal.insert(signal.end(), named->processes.begin(), named->processes.end());
        }
    }
    const auto kept = shares_above(selection, signal);
    Plot plot{.x = {.label = "share of a process above the score", .low = 0.0, .high = 1.0}};
    Panel panel{
        .y = {.label = "share of the signal", .low = 0.0, .high = 1.0}, .curves = {}, .levels = {}};
    std::size_t colour = 0;
    for (const ProcessSection& process : selection.written.processes) {
        const Colour next = region_palette[colour++ % region_palette.size()];
        if (std::ranges::find(signal, process.name) != signal.end()) continue;
        Curve curve{.colour = next, .x = shares_above(selection, {process.name}), .y = kept};
        double area = 0.0;
        for (std::size_t i = 1; i < kept.size(); ++i) {
            area += 0.5 * (kept[i] + kept[i - 1]) * (curve.x[i - 1] - curve.x[i]);
        }
        curve.label = fmt::format("{}, area {:.3f}", process.name, area);
        panel.curves.push_back(std::move(curve));
    }
    plot.panels = {std::move(panel)};
    return plot;
}

/// Whether the likelihood itself has these bins.
bool is_binned(const ReportInputs& inputs, const Spectrum& spectrum) {
    const auto& regions = inputs.fit->model.regions;
    return std::ranges::any_of(regions, [&](const ModelSummary::Region& region) {
        return region.name == spectrum.region && region.kind == "binned";
    });
}

/// The outermost bins of the score that have any weight.
Range filled_bins(const std::vector<ScoreHistogram>& scores) {
    std::size_t first = score_bins;
    std::size_t last = 0;
    for (const ScoreHistogram& score : scores) {
        for (std::size_t bin = 0; bin < score.weights.size(); ++bin) {
            if (score.weights[bin] == 0.0) continue;
            first = std::min(first, bin);
            last = std::max(last, bin + 1);
        }
    }
    return {std::min(first, last), last};
}

/// Density of the score of each process, between the outermost bins that have any. The first and
/// the last bin hold all beyond: they do not rule the axis.
Plot score_plot(const SelectionInputs& selection) {
    constexpr double width = 2.0 * score_limit / static_cast<double>(score_bins);
    const Range shown = filled_bins(selection.record.scores);
    std::vector<double> edges;
    for (std::size_t bin = shown.first; bin <= shown.last; ++bin) {
        edges.push_back(-score_limit + width * static_cast<double>(bin));
    }
    Panel panel{.y = {.label = "density"}, .curves = {}, .levels = {}};
    double highest = 0.0;
    for (const ProcessSection& process : selection.written.processes) {
        const auto score =
            std::ranges::find(selection.record.scores, process.events(), &ScoreHistogram::sample);
        if (score == selection.record.scores.end() || shown.empty()) continue;
        double sum = 0.0;
        for (const double weight : score->weights) sum += weight;
        std::vector<double> density;
        for (std::size_t bin = shown.first; bin < shown.last; ++bin) {
            density.push_back(score->weights[bin] / (sum * width));
            const bool inner = bin > 0 && bin + 1 < score_bins;
            if (inner) highest = std::max(highest, density.back());
        }
        panel.curves.push_back(
            outline(edges, density, process.name,
                    region_palette[panel.curves.size() % region_palette.size()]));
    }
    if (highest > 0.0) {
        panel.y.low = 0.0;
        panel.y.high = 1.1 * highest;
    }
    return {.x = {.label = "preselection score"}, .panels = {std::move(panel)}};
}

std::string bins_table(const Spectrum& spectrum) {
    std::vector<std::vector<Cell>> rows;
    const bool named = spectrum.edges.size() == spectrum.data.size() + 1;
    for (std::size_t bin = 0; bin < spectrum.data.size(); ++bin) {
        const double fitted = spectrum.after.total[bin];
        const auto with = [&](const Expectation& of) {
            return number_cell(fmt::format("{:.6g} \u00b1 {:.2g}", of.total[bin], of.error[bin]));
        };
        rows.push_back({text_cell(named ? fmt::format("{:g} to {:g}", spectrum.edges[bin],
                                                      spectrum.edges[bin + 1])
                                        : fmt::format("{}", bin)),
                        with(spectrum.before), with(spectrum.after),
                        number_cell(fmt::format("{:.6g}", spectrum.data[bin])),
                        number_cell(fmt::format(
                            "{:+.2f}", (spectrum.data[bin] - fitted) / std::sqrt(fitted)))});
    }
    return details_html(
        fmt::format("{}: contents of the bins", spectrum.region),
        table_html("",
                   {spectrum.observable.empty() ? "bin" : spectrum.observable, "before the fit",
                    "fitted", spectrum.observed ? "data" : "Asimov data", "pull"},
                   rows));
}

std::string selection_tables(const SelectionInputs& selection, Figures& figures) {
    const auto regions = selection_regions(selection.written);
    if (!selection.record.scores.empty()) {
        figures.add("preselection_score", score_plot(selection),
                    "Score of the preselection over all events of each process; the outermost bins "
                    "hold all beyond, and may leave the frame.");
        figures.add("preselection_roc", roc_plot(selection),
                    "What a cut on the score keeps of the signal and of each other process.");
    }
    return regions_table(regions) +
           details_html("Share of each sample in the regions", shares_table(selection, regions));
}

}  // namespace

std::string regions_section(const ReportInputs& inputs, const Plotter& plotter) {
    if (!inputs.selection && inputs.spectra.empty()) return {};
    Figures figures(plotter, "regions");
    std::string body;
    std::string tables;
    for (const Spectrum& spectrum : inputs.spectra) {
        const std::string name = spectrum.observable.empty() ? "bins" : spectrum.observable;
        figures.add(
            "region_" + name_of(spectrum),
            spectrum_plot(spectrum, label_of(inputs.labels.features, spectrum.observable.empty()
                                                                         ? std::string("bin")
                                                                         : spectrum.observable)),
            fmt::format("Region {}, {}", spectrum.region, name));
        if (is_binned(inputs, spectrum)) tables += bins_table(spectrum);
    }
    if (!inputs.spectra.empty()) {
        body += paragraph_html(
            "Data against the model. Filled, or lines where one is negative: processes at the "
            "minimum; blue: their sum with its error from the covariance of the fit; vermillion, "
            "dashed: before the fit, with the error of the constraints. An unbinned region shows "
            "the reference events weighted with the fitted ratios; its outermost bins hold all "
            "events beyond. Pull: (data - fit) / sqrt(fit). Triangles point to ratios beyond their "
            "panel.");
    }
    if (inputs.selection) tables = selection_tables(*inputs.selection, figures) + tables;
    return section_html("regions", "Regions", body + figures.html() + tables);
}

}  // namespace ratiofarm
