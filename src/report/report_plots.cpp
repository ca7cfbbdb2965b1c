#include "report_plots.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include <fmt/format.h>

namespace ratiofarm {
namespace {

Curve curve(std::string label, Mark mark, Colour colour) {
    Curve result;
    result.label = std::move(label);
    result.mark = mark;
    result.colour = colour;
    return result;
}

void add_point(Curve& points, double x, double y, double error) {
    points.x.push_back(x);
    points.y.push_back(y);
    points.low.push_back(y - error);
    points.high.push_back(y + error);
}

/// Half width of an axis that shows nearly all of these points with their errors.
double half_width(const Curve& points, double centre) {
    std::vector<double> reach;
    for (std::size_t i = 0; i < points.y.size(); ++i) {
        reach.push_back(std::max(points.high[i] - centre, centre - points.low[i]));
    }
    constexpr std::array steps{0.01, 0.02, 0.04, 0.1, 0.2, 0.4};
    if (reach.empty()) return steps.front();
    const auto nearly_all = reach.begin() + static_cast<std::ptrdiff_t>(reach.size() * 9 / 10);
    std::nth_element(reach.begin(), nearly_all, reach.end());
    const auto step =
        std::find_if(steps.begin(), steps.end(), [&](double s) { return s >= 1.05 * *nearly_all; });
    return step == steps.end() ? 1.0 : *step;
}

Panel difference_panel(std::string label, Curve points, double centre) {
    const double width = half_width(points, centre);
    Panel panel{.y = {.label = std::move(label), .low = centre - width, .high = centre + width},
                .curves = {},
                .levels = {centre}};
    panel.curves.push_back(std::move(points));
    return panel;
}

Curve loss_curve(const std::vector<double>& loss, std::string label, Colour colour) {
    Curve result = curve(std::move(label), Mark::line, colour);
    result.strength = 0.35;
    for (std::size_t epoch = 0; epoch < loss.size(); ++epoch) {
        result.x.push_back(static_cast<double>(epoch + 1));
        result.y.push_back(loss[epoch]);
    }
    return result;
}

/// Highest loss after the first epoch, which would squeeze all others.
double highest_loss(const EnsembleSummary& ensemble) {
    double highest = -std::numeric_limits<double>::infinity();
    for (const MemberHistory& member : ensemble.members) {
        for (const auto* losses : {&member.training_loss, &member.validation_loss}) {
            for (std::size_t e = losses->size() > 4 ? 1 : 0; e < losses->size(); ++e) {
                if (std::isfinite((*losses)[e])) highest = std::max(highest, (*losses)[e]);
            }
        }
    }
    return highest;
}

std::vector<double> per_width(const Binning& binning, std::vector<double> content) {
    for (std::size_t b = 0; b < content.size(); ++b) content[b] /= binning.width(b);
    return content;
}

}  // namespace

Plot limits_plot(const FitRecord& record) {
    const UpperLimits& limits = record.limits->limits;
    Curve two = curve("expected, 2 s.d.", Mark::band, Colour::orange);
    Curve one = curve("expected, 1 s.d.", Mark::band, Colour::green);
    Curve median = curve("expected", Mark::dashes, Colour::black);
    Curve observed = curve("observed", Mark::line, Colour::blue);
    for (const ClsTest& test : limits.scan) {
        for (Curve* c : {&two, &one, &median, &observed}) c->x.push_back(test.poi);
        two.low.push_back(test.expected[0]);
        two.high.push_back(test.expected[4]);
        one.low.push_back(test.expected[1]);
        one.high.push_back(test.expected[3]);
        median.y.push_back(test.expected[2]);
        observed.y.push_back(test.observed.cls);
    }
    Panel panel{.y = {.label = "CLs", .low = 1e-3, .high = 1.0, .logarithmic = true},
                .curves = {two, one, median, observed},
                .levels = {1.0 - limits.level}};
    return {.x = {.label = record.fit.poi, .low = {}, .high = {}}, .panels = {panel}};
}

Plot utilisation_plot(const FarmProfile& profile) {
    const std::size_t n = profile.share_in_interval.size();
    std::vector<double> edges;
    for (std::size_t i = 0; i <= n; ++i) {
        edges.push_back(profile.seconds * static_cast<double>(i) / static_cast<double>(n));
    }
    const std::vector<double> nothing(n, 0.0);
    Panel panel{.y = {.label = "busy share of the workers", .low = 0.0, .high = 1.05},
                .curves = {},
                .levels = {1.0}};
    panel.curves = {outline_band(edges, nothing, profile.share_in_interval, "", Colour::blue),
                    outline(edges, profile.share_in_interval, "", Colour::blue)};
    return {.x = {.label = "time [s]", .low = 0.0, .high = profile.seconds}, .panels = {panel}};
}

Plot loss_plot(const EnsembleSummary& ensemble) {
    Panel panel{.y = {.label = "loss (weighted binary cross-entropy)", .low = {}, .high = {}},
                .curves = {},
                .levels = {}};
    const double highest = highest_loss(ensemble);
    if (std::isfinite(highest)) panel.y.high = highest;
    Curve best = curve("best epoch", Mark::points, Colour::black);
    for (std::size_t m = 0; m < ensemble.members.size(); ++m) {
        const MemberHistory& member = ensemble.members[m];
        panel.curves.push_back(
            loss_curve(member.training_loss, m == 0 ? "training" : "", Colour::sky));
        panel.curves.push_back(
            loss_curve(member.validation_loss, m == 0 ? "validation" : "", Colour::vermillion));
        if (member.best_epoch == 0 || member.best_epoch > member.validation_loss.size()) continue;
        best.x.push_back(member.best_epoch);
        best.y.push_back(member.validation_loss[member.best_epoch - 1]);
    }
    if (!best.x.empty()) panel.curves.push_back(best);
    return {.x = {.label = "epoch", .low = {}, .high = {}}, .panels = {panel}};
}

Plot calibration_plot(const Calibration& calibration, std::string_view process) {
    Curve diagonal = curve("calibrated", Mark::dashes, Colour::grey);
    diagonal.x = diagonal.y = {0.0, 1.0};
    Curve observed =
        curve(fmt::format("{} against reference", process), Mark::points, Colour::blue);
    Curve difference = curve("", Mark::points, Colour::blue);
    double highest = 0.0;
    for (const CalibrationBin& bin : calibration.bins) {
        if (!(bin.content > 0.0)) continue;
        add_point(observed, bin.predicted, bin.observed, bin.error);
        add_point(difference, bin.predicted, bin.observed - bin.predicted, bin.error);
        highest = std::max({highest, bin.predicted, bin.observed});
    }
    const double end = std::min(1.0, std::ceil(highest * 10.0 + 0.2) / 10.0);
    Panel panel{.y = {.label = "observed fraction", .low = 0.0, .high = end},
                .curves = {diagonal, observed},
                .levels = {}};
    return {.x = {.label = "predicted fraction r/(1 + r)", .low = 0.0, .high = end},
            .panels = {panel, difference_panel("difference", difference, 0.0)}};
}

Plot net_calibration_plot(const EnsembleQuality& ensemble) {
    constexpr std::size_t most_nets = 50;  // more lines cover each other
    Curve diagonal = curve("calibrated", Mark::dashes, Colour::grey);
    double end = 0.0;
    std::vector<Curve> nets;
    for (const NetRow& net : ensemble.nets) {
        if (nets.size() == most_nets) break;
        Curve line = curve(nets.empty() ? "single nets" : "", Mark::line, Colour::blue);
        line.strength = 0.35;
        line.x = net.quality.calibration_predicted;
        line.y = net.quality.calibration_observed;
        for (const auto* values : {&line.x, &line.y}) {
            for (const double value : *values) end = std::max(end, value);
        }
        nets.push_back(std::move(line));
    }
    end = std::min(1.0, std::ceil(end * 10.0 + 0.2) / 10.0);
    diagonal.x = diagonal.y = {0.0, end};
    Panel panel{.y = {.label = "observed fraction", .low = 0.0, .high = end},
                .curves = {diagonal},
                .levels = {}};
    panel.curves.insert(panel.curves.end(), nets.begin(), nets.end());
    return {.x = {.label = "predicted fraction r/(1 + r)", .low = 0.0, .high = end},
            .panels = {panel}};
}

Plot score_plot(const ScoreHistograms& scores, std::string_view numerator) {
    std::vector<double> edges;
    for (std::uint32_t i = 0; i <= score_histogram_bins; ++i) {
        edges.push_back(scores.low + (scores.high - scores.low) * i / score_histogram_bins);
    }
    const auto part = [](const std::vector<float>& values, std::size_t which) {
        const auto first =
            values.begin() + static_cast<std::ptrdiff_t>(which * score_histogram_bins);
        return std::vector<double>(first, first + score_histogram_bins);
    };
    Panel panel{
        .y = {.label = "share of the weight", .low = 0.0, .high = {}}, .curves = {}, .levels = {}};
    const std::array names{std::string(numerator), std::string("reference")};
    const std::array colours{Colour::blue, Colour::orange};
    for (std::size_t which = 0; which < names.size(); ++which) {
        const auto trained = part(scores.shares, which);
        panel.curves.push_back(
            outline(edges, trained, names[which] + ", training", colours[which]));
    }
    for (std::size_t which = 0; which < names.size(); ++which) {
        Curve held = curve(names[which] + ", validation", Mark::points, colours[which]);
        const auto shares = part(scores.shares, 2 + which);
        const auto errors = part(scores.errors, 2 + which);
        for (std::size_t bin = 0; bin < score_histogram_bins; ++bin) {
            add_point(held, 0.5 * (edges[bin] + edges[bin + 1]), shares[bin], errors[bin]);
        }
        panel.curves.push_back(std::move(held));
    }
    return {.x = {.label = "ln r", .low = edges.front(), .high = edges.back()}, .panels = {panel}};
}

Plot ratio_plot(const RatioDistribution& ratios, std::string_view process) {
    Curve sample = curve(std::string(process), Mark::points, Colour::blue);
    std::vector<double> low, high;
    double smallest = std::numeric_limits<double>::infinity();
    for (std::size_t b = 0; b < ratios.binning.bins(); ++b) {
        const double width = ratios.binning.width(b);
        if (ratios.target[b] > 0.0) {
            add_point(sample, ratios.binning.centre(b), ratios.target[b] / width,
                      std::min(ratios.target_error[b], 0.99 * ratios.target[b]) / width);
        }
        const double error = std::min(ratios.reference_error[b], 0.99 * ratios.reference[b]);
        low.push_back((ratios.reference[b] - error) / width);
        high.push_back((ratios.reference[b] + error) / width);
        for (const double content : {ratios.target[b], ratios.reference[b]}) {
            if (content > 0.0) smallest = std::min(smallest, content / width);
        }
    }
    const auto& edges = ratios.binning.edges();
    Panel panel{.y = {.label = "density", .low = 0.5 * smallest, .high = {}, .logarithmic = true},
                .curves = {},
                .levels = {}};
    panel.curves.push_back(outline_band(edges, low, high, "", Colour::grey));
    panel.curves.push_back(
        outline(edges, per_width(ratios.binning, ratios.reference), "reference", Colour::grey));
    panel.curves.push_back(sample);
    return {.x = {.label = fmt::format("log r of {}", process),
                  .low = edges.front(),
                  .high = edges.back()},
            .panels = {panel}};
}

Plot closure_plot(const FeatureClosure& feature, std::string_view process, std::string_view label) {
    const Binning& binning = feature.closure.binning;
    Curve sample = curve(std::string(process), Mark::points, Colour::black);
    Curve ratio = curve("", Mark::points, Colour::blue);
    std::vector<double> edges, reweighted, reference, low, high;
    for (std::size_t b = 0; b < binning.bins(); ++b) {
        const ClosureBin& bin = feature.closure.bins[b];
        const double width = binning.width(b);
        const double x = binning.centre(b);
        if (x < feature.plot_low || x > feature.plot_high) continue;
        if (edges.empty()) edges.push_back(binning.edges()[b]);
        edges.push_back(binning.edges()[b + 1]);
        reweighted.push_back(bin.reweighted / width);
        reference.push_back(bin.reference / width);
        low.push_back((bin.reweighted - bin.error) / width);
        high.push_back((bin.reweighted + bin.error) / width);
        add_point(sample, x, bin.target / width, bin.target_error / width);
        if (bin.target > 0.0) {
            add_point(ratio, x, bin.reweighted / bin.target, bin.error / bin.target);
        }
    }
    Panel panel{.y = {.label = "density", .low = 0.0, .high = {}}, .curves = {}, .levels = {}};
    Curve plain = outline(edges, reference, "reference", Colour::grey);
    plain.strength = 0.5;
    panel.curves = {plain, outline_band(edges, low, high, "", Colour::blue),
                    outline(edges, reweighted, "reference × r", Colour::blue), sample};
    return {.x = {.label = std::string(label), .low = feature.plot_low, .high = feature.plot_high},
            .panels = {panel, difference_panel("ref × r / sample", ratio, 1.0)}};
}

}  // namespace ratiofarm
