// What a search tried and found.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "html.hpp"
#include "report_sections.hpp"

namespace ratiofarm {
namespace {

/// Results of a search by what became of their trials.
struct TrialLook {
    Colour colour;
    double strength;
    std::string label;
};

TrialLook look_of(const SearchRecord& record, std::size_t trial) {
    if (trial == record.best.trial) return {Colour::vermillion, 1.0, "the best"};
    const bool far = record.trials[trial].rungs.size() == record.epochs.size();
    return far ? TrialLook{Colour::blue, 0.8, "to the last rung"}
               : TrialLook{Colour::grey, 0.5, "stopped earlier"};
}

constexpr std::array look_order{Colour::grey, Colour::blue,
                                Colour::vermillion};  // drawn last: best

/// Smallest objective of each rung so far against the work that was planned until then.
Plot progress_plot(const SearchRecord& record) {
    constexpr std::array colours{Colour::sky,    Colour::orange, Colour::green,
                                 Colour::purple, Colour::grey,   Colour::black};
    std::vector<HalvingDecision> ended = record.decisions;
    std::ranges::stable_sort(ended, {}, &HalvingDecision::end);
    const std::size_t rungs = record.epochs.size();
    std::vector<Curve> curves(rungs);
    for (std::size_t rung = 0; rung < rungs; ++rung) {
        curves[rung] = {
            .label = fmt::format("after {} epochs", record.epochs[rung]),
            .colour = rung + 1 == rungs ? Colour::blue : colours[rung % colours.size()]};
    }
    double work = 0.0;
    for (const HalvingDecision& decision : ended) {
        const SearchRecord::Rung& rung =
            record.trials[decision.what.trial].rungs[decision.what.rung];
        work += rung.flop;
        Curve& curve = curves[decision.what.rung];
        const double before =
            curve.y.empty() ? std::numeric_limits<double>::infinity() : curve.y.back();
        if (!(rung.objective < before)) continue;
        const double percent = 100.0 * work / record.flop;
        if (!curve.y.empty()) {  // a step
            curve.x.push_back(percent);
            curve.y.push_back(before);
        }
        curve.x.push_back(percent);
        curve.y.push_back(rung.objective);
    }
    for (Curve& curve : curves) {
        if (curve.y.empty()) continue;
        curve.x.push_back(100.0);
        curve.y.push_back(curve.y.back());
    }
    return {.x = {.label = "planned work of the search [%]", .low = 0.0, .high = 100.0},
            .panels = {
                {.y = {.label = "smallest " + record.objective}, .curves = curves, .levels = {}}}};
}

/// Places on the axis of one key: numbers as they are, other values by their number.
struct KeyAxis {
    std::string key;
    std::vector<std::string> words = {};  ///< in the order of first use; empty: numbers
    bool logarithmic = false;
    double low = std::numeric_limits<double>::infinity();
    double high = -std::numeric_limits<double>::infinity();

    double at(const SearchSetting& setting) const {
        const std::string* value = value_of(setting, key);
        if (value == nullptr) return std::numeric_limits<double>::quiet_NaN();
        if (words.empty()) return std::strtod(value->c_str(), nullptr);
        return static_cast<double>(std::ranges::find(words, *value) - words.begin()) + 1.0;
    }

    /// 0 to 1 along the axis.
    double part(double value) const {
        if (!(high > low)) return 0.5;
        return logarithmic ? std::log(value / low) / std::log(high / low)
                           : (value - low) / (high - low);
    }
};

KeyAxis axis_of(const SearchRecord& record, const std::string& key) {
    KeyAxis axis{.key = key};
    bool numbers = true;
    for (const SearchRecord::Trial& trial : record.trials) {
        const std::string* value = value_of(trial.setting, key);
        if (value == nullptr) continue;
        char* end = nullptr;
        std::strtod(value->c_str(), &end);
        numbers = numbers && end == value->c_str() + value->size();
        if (std::ranges::count(axis.words, *value) == 0) axis.words.push_back(*value);
    }
    if (numbers) {
        axis.words.clear();
    } else {
        std::ranges::sort(axis.words);
    }
    for (const SearchRecord::Trial& trial : record.trials) {
        const double value = axis.at(trial.setting);
        if (std::isnan(value)) continue;
        axis.low = std::min(axis.low, value);
        axis.high = std::max(axis.high, value);
    }
    constexpr double many = 20.0;  // a range of such a factor was drawn in the logarithm
    axis.logarithmic = axis.words.empty() && axis.low > 0.0 && axis.high > many * axis.low;
    return axis;
}

/// Trials by their last rung, as points in three looks.
template <class X>
std::vector<Curve> trial_points(const SearchRecord& record, X x) {
    std::map<Colour, Curve> curves;
    for (std::size_t number = 0; number < record.trials.size(); ++number) {
        const SearchRecord::Trial& trial = record.trials[number];
        if (trial.rungs.empty()) continue;
        const TrialLook look = look_of(record, number);
        Curve& curve = curves[look.colour];
        curve.mark = Mark::points;
        curve.colour = look.colour;
        curve.label = look.label;
        curve.x.push_back(x(trial));
        curve.y.push_back(trial.rungs.back().objective);
    }
    std::vector<Curve> ordered;
    for (const Colour colour : look_order) {
        if (curves.contains(colour)) ordered.push_back(curves[colour]);
    }
    return ordered;
}

Plot parameter_plot(const SearchRecord& record, const KeyAxis& axis) {
    Plot plot{.x = {.label = axis.key, .logarithmic = axis.logarithmic},
              .panels = {{.y = {.label = record.objective + " at the last rung"},
                          .curves = trial_points(record,
                                                 [&](const SearchRecord::Trial& trial) {
                                                     return axis.at(trial.setting);
                                                 }),
                          .levels = {}}}};
    if (axis.words.empty()) return plot;
    plot.x.low = 0.5;
    plot.x.high = static_cast<double>(axis.words.size()) + 0.5;
    plot.panels.front().columns = axis.words;
    return plot;
}

/// Each trial as a line over the keys and the objective, all from their smallest to their largest.
Plot parallel_plot(const SearchRecord& record, const std::vector<KeyAxis>& axes) {
    std::vector<Curve> curves;
    constexpr std::size_t most_lines = 200;
    const std::vector<std::uint32_t> ranking = ranked_trials(record);
    std::vector<double> objectives;
    for (const SearchRecord::Trial& trial : record.trials) {
        if (!trial.rungs.empty() && std::isfinite(trial.rungs.back().objective)) {
            objectives.push_back(trial.rungs.back().objective);
        }
    }
    std::ranges::sort(objectives);
    for (std::size_t place = std::min(most_lines, ranking.size()); place-- > 0;) {
        const SearchRecord::Trial& trial = record.trials[ranking[place]];
        if (trial.rungs.empty() || !std::isfinite(trial.rungs.back().objective)) continue;
        const TrialLook look = look_of(record, ranking[place]);
        Curve curve{.colour = look.colour, .strength = look.strength};
        for (std::size_t i = 0; i < axes.size(); ++i) {
            curve.x.push_back(static_cast<double>(i + 1));
            curve.y.push_back(axes[i].part(axes[i].at(trial.setting)));
        }
        const auto rank = std::ranges::lower_bound(objectives, trial.rungs.back().objective);
        curve.x.push_back(static_cast<double>(axes.size() + 1));
        curve.y.push_back(static_cast<double>(rank - objectives.begin()) /
                          static_cast<double>(std::max<std::size_t>(objectives.size() - 1, 1)));
        curves.push_back(std::move(curve));
    }
    Panel panel{.y = {.label = "smallest to largest", .low = -0.03, .high = 1.03},
                .curves = std::move(curves),
                .levels = {}};
    for (const KeyAxis& axis : axes) {
        panel.columns.push_back(axis.key.substr(axis.key.find('.') + 1));
        panel.marks.push_back(static_cast<double>(panel.columns.size()));
    }
    panel.columns.push_back("rank");
    panel.marks.push_back(static_cast<double>(panel.columns.size()));
    return {.x = {.low = 0.8, .high = static_cast<double>(axes.size()) + 1.2}, .panels = {panel}};
}

/// The objective of each trial from rung to rung.
Plot rungs_plot(const SearchRecord& record) {
    std::vector<Curve> curves;
    for (const Colour colour : look_order) {
        for (std::size_t number = 0; number < record.trials.size(); ++number) {
            const TrialLook look = look_of(record, number);
            if (look.colour != colour || record.trials[number].rungs.empty()) continue;
            Curve curve{.colour = look.colour, .strength = look.strength};
            for (const SearchRecord::Rung& rung : record.trials[number].rungs) {
                curve.x.push_back(record.epochs[curve.x.size()]);
                curve.y.push_back(rung.objective);
            }
            if (curve.x.size() == 1) curve.mark = Mark::points;
            curves.push_back(std::move(curve));
        }
    }
    return {
        .x = {.label = "epochs", .logarithmic = true},
        .panels = {{.y = {.label = record.objective}, .curves = std::move(curves), .levels = {}}}};
}

Plot front_plot(const SearchRecord& record) {
    Curve front{.label = "Pareto front", .mark = Mark::line, .colour = Colour::orange};
    for (const std::uint32_t trial : record.front) {
        const SearchRecord::Rung& rung = record.trials[trial].rungs.back();
        const double second = rung.second.value_or(std::numeric_limits<double>::quiet_NaN());
        if (!front.y.empty()) {  // a step: what no trial of the front dominates lies below
            front.x.push_back(second);
            front.y.push_back(front.y.back());
        }
        front.x.push_back(second);
        front.y.push_back(rung.objective);
    }
    std::vector<Curve> curves{front};
    for (Curve& curve : trial_points(record, [](const SearchRecord::Trial& trial) {
             return trial.rungs.back().second.value_or(std::numeric_limits<double>::quiet_NaN());
         })) {
        curves.push_back(std::move(curve));
    }
    const bool cost = record.work == "flop" && record.second_objective == "cost";
    return {
        .x = {.label = cost ? "planned work [FLOP]" : record.second_objective},
        .panels = {{.y = {.label = record.objective}, .curves = std::move(curves), .levels = {}}}};
}

std::string search_figures(const SearchRecord& record, const Plotter& plotter) {
    Figures figures(plotter, "search", "small");
    figures.add("search_progress", progress_plot(record), "The best so far");
    std::vector<KeyAxis> axes;
    for (const ParameterImportance& each : record.importance) {
        axes.push_back(axis_of(record, each.key));
        figures.add("search_" + each.key, parameter_plot(record, axes.back()),
                    fmt::format("{}, which explains {:.0f} % of the variance at the first rung",
                                each.key, 100.0 * each.importance));
    }
    if (axes.size() > 1) {
        figures.add("search_parallel", parallel_plot(record, axes),
                    "Settings of the trials, from the smallest to the largest value of each key");
    }
    if (record.epochs.size() > 1) {
        figures.add("search_rungs", rungs_plot(record), "Trials from rung to rung");
    }
    if (!record.front.empty()) {
        figures.add("search_front", front_plot(record),
                    fmt::format("{} against {}", record.objective, record.second_objective));
    }
    return figures.html();
}

std::string trials_table(const SearchRecord& record) {
    std::vector<std::vector<Cell>> rows;
    for (const std::uint32_t trial : ranked_trials(record)) {
        const SearchRecord::Trial& tried = record.trials[trial];
        if (tried.rungs.empty()) continue;
        std::vector<Cell> row{number_cell(fmt::format("{}", trial)),
                              text_cell(setting_text(tried.setting))};
        for (std::size_t rung = 0; rung < record.epochs.size(); ++rung) {
            row.push_back(number_cell(rung < tried.rungs.size()
                                          ? fmt::format("{:.5g}", tried.rungs[rung].objective)
                                          : std::string()));
        }
        rows.push_back(std::move(row));
    }
    std::vector<std::string> header{"trial", "setting"};
    for (const std::uint32_t epochs : record.epochs) {
        header.push_back(fmt::format("after {} epochs", epochs));
    }
    return table_html("Objective: " + record.objective, header, rows);
}

}  // namespace

std::string search_section(const ReportInputs& inputs, const Plotter& plotter) {
    return inputs.search ? search_section(*inputs.search, plotter) : std::string();
}

std::string search_section(const SearchRecord& record, const Plotter& plotter) {
    std::string what = fmt::format(
        "Trial {} was the best of {} (sampler: {}): {}. The search cost {} of the cost of all "
        "trials at all epochs",
        record.best.trial, record.trials.size(), word_of(record.sampler),
        setting_text(record.trials[record.best.trial].setting), work_text(record));
    what += record.work == "flop" ? "; the nets below use this setting." : ".";
    if (record.dropped > 0 || record.repeated > 0) {
        what += fmt::format(
            " {} points were dropped because nobody asked for them; {} trials have "
            "the setting of an earlier one.",
            record.dropped, record.repeated);
    }
    return section_html(
        "search", "Search",
        paragraph_html(what) + search_figures(record, plotter) + trials_table(record));
}

}  // namespace ratiofarm
