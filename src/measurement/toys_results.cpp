#include "toys_results.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "core/json_text.hpp"
#include "core/program_version.hpp"

namespace ratiofarm {
namespace {

/// Mean and standard deviation of what is added.
struct Moments {
    double n = 0.0;
    double mean = 0.0;
    double squares = 0.0;

    void add(double x) {  // Welford
        n += 1.0;
        const double d = x - mean;
        mean += d / n;
        squares += d * (x - mean);
    }
    double width() const { return n > 1.0 ? std::sqrt(squares / (n - 1.0)) : 0.0; }
};

constexpr std::size_t pull_bins = 50;
constexpr double most_pull = 5.0;
constexpr std::size_t statistic_bins = 60;
constexpr double most_statistic = 12.0;

ToyHistogram histogram_of(const std::vector<double>& values,
                          double low,
                          double high,
                          std::size_t bins) {
    ToyHistogram histogram{low, high, std::vector<std::uint64_t>(bins)};
    for (const double value : values) {
        const double place = (value - low) / (high - low) * static_cast<double>(bins);
        const double last = static_cast<double>(bins - 1);
        histogram.counts[static_cast<std::size_t>(std::clamp(place, 0.0, last))] += 1;
    }
    return histogram;
}

ToyParameter parameter_of(const std::vector<ToyOutcome>& outcomes,
                          const Parameter& parameter,
                          std::size_t a,
                          double truth) {
    Moments values;
    Moments pulls;
    std::vector<double> all;
    for (const ToyOutcome& toy : outcomes) {
        if (!toy.converged) continue;
        values.add(toy.value[a]);
        if (!(toy.error[a] > 0.0)) continue;
        all.push_back((toy.value[a] - truth) / toy.error[a]);
        pulls.add(all.back());
    }
    return {parameter.name,
            truth,
            values.mean,
            values.width(),
            pulls.mean,
            pulls.width(),
            static_cast<std::uint64_t>(pulls.n),
            histogram_of(all, -most_pull, most_pull, pull_bins)};
}

std::vector<double> sorted_statistic(const std::vector<ToyOutcome>& outcomes, std::size_t k) {
    std::vector<double> values;
    for (const ToyOutcome& toy : outcomes) {
        if (toy.converged) values.push_back(toy.statistics[k]);
    }
    std::sort(values.begin(), values.end());
    return values;
}

void fill_lists(const ToyPlan& plan, std::size_t point, ToyPointResult& result) {
    const ToySetup setup = plan.setup(point);
    for (std::size_t r = 0; r < setup.unbinned.size(); ++r) {
        for (const ToySource& source : setup.unbinned[r].sources) {
            if (!source.weights.empty()) {
                result.lists.push_back(summary_of(source.weights));
                // What negative weights have cancelled is not known any better for that.
                result.lists.back().effective_events *=
                    effective_events(plan.signed_list(r).reference) /
                    effective_events(plan.list(r).reference);
            } else if (source.expected > 0.0) {
                result.reuse.push_back(source.expected * static_cast<double>(result.toys) /
                                       static_cast<double>(source.events->size()));
            }
        }
    }
}

ToyPointResult point_result(const ToyPlan& plan,
                            std::size_t p,
                            const std::vector<ToyOutcome>& outcomes) {
    const ToyPoint& point = plan.points()[p];
    ToyPointResult result;
    result.test = point.test;
    result.toys = outcomes.size();
    std::uint64_t converged = 0;
    double events = 0.0;
    for (const ToyOutcome& toy : outcomes) {
        converged += toy.converged ? 1 : 0;
        events += static_cast<double>(toy.events);
    }
    result.converged = fraction_of(converged, outcomes.size());
    result.mean_events = events / static_cast<double>(outcomes.size());
    fill_lists(plan, p, result);
    for (std::size_t k = 0; k < plan.request().statistics.size(); ++k) {
        const auto sorted = sorted_statistic(outcomes, k);
        ToyStatistic statistic{word_of(plan.request().statistics[k]),
                               point.observed[k],
                               {},
                               {},
                               histogram_of(sorted, 0.0, most_statistic, statistic_bins)};
        for (const double level : plan.request().levels) {
            statistic.thresholds.push_back(threshold_of(sorted, level));
        }
        if (!sorted.empty()) statistic.p_value = fraction_from(sorted, point.observed[k]);
        result.statistics.push_back(std::move(statistic));
    }
    for (std::size_t a = 0; a < point.theta.size(); ++a) {
        result.parameters.push_back(
            parameter_of(outcomes, plan.model().parameters[a], a, point.theta[a]));
        if (result.parameters.back().name != plan.model().parameter_of_interest)
            result.parameters.back().histogram = {};
    }
    return result;
}

void add_toy_warnings(const ToyPlan& plan, ToyResults& results) {
    results.warnings = plan.warnings();
    double worst = 1.0;
    double reuse = 0.0;
    double negative = 0.0;
    double fineness = 1e300;
    for (const ToyPointResult& point : results.points) {
        worst = std::min(worst, point.converged.value);
        for (const double times : point.reuse) reuse = std::max(reuse, times);
        for (const ToyListSummary& list : point.lists) {
            negative = std::min(negative, list.negative / std::max(list.expected, 1e-300));
            fineness = std::min(fineness, list.effective_events / std::max(list.expected, 1.0));
        }
    }
    if (worst < 1.0) {
        results.warnings.push_back(fmt::format(
            "up to {:.2g} of the toys of a point did not converge and are left out", 1.0 - worst));
    }
    if (reuse > 1.0) {
        results.warnings.push_back(
            fmt::format("real events were used {:.1f} times on average: toys share events", reuse));
    }
    if (negative < 0.0) {
        results.warnings.push_back(
            fmt::format("the mixture is negative for some reference events, which cannot be thrown "
                        "and were left out: up to {:.2g} of the expected events, made up for by "
                        "the others",
                        -negative));
    }
    if (!plan.request().unit_weights && fineness < 10.0) {
        results.warnings.push_back(fmt::format(
            "toys are drawn from a list that is worth only {:.1f} times the events of a toy",
            fineness));
    }
}

}  // namespace

namespace {

/// The construction at all points where the statistic of the data is known. \param k, l statistic
/// and level
std::vector<NeymanPoint> neyman_points(const ToyPlan& plan,
                                       const ToyResults& results,
                                       std::size_t k,
                                       std::size_t l) {
    std::vector<NeymanPoint> points;
    auto between = plan.between().begin();
    for (std::size_t p = 0; p < results.points.size(); ++p) {
        const auto threshold = [&](std::size_t point) {
            return results.points[point].statistics[k].thresholds[l].value;
        };
        points.push_back(
            {results.points[p].test, results.points[p].statistics[k].observed, threshold(p)});
        for (; between != plan.between().end() && between->after == p; ++between) {
            points.push_back({between->poi, between->observed[k],
                              std::lerp(threshold(p), threshold(p + 1), between->share)});
        }
    }
    return points;
}

}  // namespace

ToyResults summarise(const ToyPlan& plan,
                     const std::string& campaign,
                     const std::vector<std::vector<ToyOutcome>>& outcomes) {
    RATIOFARM_EXPECT(outcomes.size() == plan.points().size());
    ToyResults results{campaign, {}, {}, {}, plan.model().parameter_of_interest, plan.made_from()};
    for (std::size_t p = 0; p < outcomes.size(); ++p) {
        results.points.push_back(point_result(plan, p, outcomes[p]));
    }
    add_toy_warnings(plan, results);
    if (plan.request().grid.empty()) return results;
    for (std::size_t k = 0; k < plan.request().statistics.size(); ++k) {
        for (std::size_t l = 0; l < plan.request().levels.size(); ++l) {
            const std::vector<NeymanPoint> points = neyman_points(plan, results, k, l);
            const bool enough = std::all_of(points.begin(), points.end(), [](const auto& point) {
                return std::isfinite(point.threshold);
            });
            if (!enough) continue;
            results.neyman.push_back({word_of(plan.request().statistics[k]),
                                      plan.request().levels[l], accepted_ranges(points)});
        }
    }
    return results;
}

namespace {

/// A threshold, without its error or without a value where the toys are too few to tell.
std::string threshold_text(const Threshold& threshold) {
    if (!std::isfinite(threshold.value)) return "too few toys";
    if (!std::isfinite(threshold.error)) return fmt::format("{:.3f}", threshold.value);
    return fmt::format("{:.3f} +- {:.3f}", threshold.value, threshold.error);
}

/// What one toy has none of.
std::string spread_text(double value, bool any, int decimals) {
    return any ? fmt::format("{:.{}f}", value, decimals) : std::string("-");
}

/// Thresholds and p-value by one test statistic, a line for each point.
std::string statistic_table(const ToyPlan& plan, const ToyResults& results, std::size_t which) {
    std::string text =
        fmt::format("{:>10} {:>8} {:>12}", "true " + plan.model().parameter_of_interest, "tested",
                    fmt::format("{} of data", word_of(plan.request().statistics[which])));
    for (const double level : plan.request().levels) {
        text += fmt::format(" {:>15}", fmt::format("{:.4g} % below", 100.0 * level));
    }
    text += fmt::format(" {:>15}\n", "p-value");
    for (const ToyPointResult& point : results.points) {
        const auto found = std::ranges::find(point.parameters, plan.model().parameter_of_interest,
                                             &ToyParameter::name);
        const ToyStatistic& statistic = point.statistics.at(which);
        text +=
            fmt::format("{:10.4g} {:8.4g} {:12.4f}", found->truth, point.test, statistic.observed);
        for (const Threshold& threshold : statistic.thresholds) {
            text += fmt::format(" {:>15}", threshold_text(threshold));
        }
        text +=
            fmt::format(" {:5.3f} +- {:6.4f}\n", statistic.p_value.value, statistic.p_value.error);
    }
    return text;
}

}  // namespace

std::string toys_text(const ToyPlan& plan, const ToyResults& results) {
    const std::string& poi = plan.model().parameter_of_interest;
    std::string text = fmt::format("{:>10} {:>8} {:>8} {:>8} {:>7} {:>9} {:>10}\n", "true " + poi,
                                   "tested", "toys", "mean", "width", "pull mean", "pull width");
    for (const ToyPointResult& point : results.points) {
        const auto found = std::find_if(point.parameters.begin(), point.parameters.end(),
                                        [&](const auto& p) { return p.name == poi; });
        text += fmt::format("{:10.4g} {:8.4g} {:8} {:8.4f} {:>7} {:9.3f} {:>10}\n", found->truth,
                            point.test, point.toys, found->mean,
                            spread_text(found->width, point.toys > 1, 4), found->pull_mean,
                            spread_text(found->pull_width, found->pulls > 1, 3));
    }
    for (std::size_t s = 0; s < plan.request().statistics.size(); ++s) {
        text += statistic_table(plan, results, s);
    }
    text += fmt::format(
        "mean, width: of the toys' {}, '-' for one toy; pull: ({} - true) / error; p-value: share "
        "of toys beyond the data\n",
        poi, poi);
    for (const NeymanResult& result : results.neyman) {
        text += fmt::format("{} at {:g} by {}:", poi, result.level, result.statistic);
        for (const AcceptedRange& range : result.ranges) {
            text += fmt::format(" {}{:.5g}, {:.5g}{}", range.low_at_end ? "(grid ends) [" : "[",
                                range.low, range.high, range.high_at_end ? "] (grid ends)" : "]");
        }
        text += result.ranges.empty() ? " nothing on the grid is accepted\n" : "\n";
    }
    for (const std::string& warning : results.warnings) text += "warning: " + warning + "\n";
    return text;
}

namespace {

using Json = nlohmann::ordered_json;

/// What toys could not determine is null.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json json_of(const Fraction& fraction) {
    return {{"value", fraction.value}, {"error", fraction.error}};
}

Json json_of(const ToyHistogram& histogram) {
    return {{"low", histogram.low}, {"high", histogram.high}, {"counts", histogram.counts}};
}

Json json_of(const ToyStatistic& statistic) {
    Json thresholds = Json::array();
    for (const Threshold& threshold : statistic.thresholds) {
        thresholds.push_back({{"level", threshold.level},
                              {"value", number(threshold.value)},
                              {"error", number(threshold.error)}});
    }
    return {{"name", statistic.name},
            {"observed", statistic.observed},
            {"thresholds", std::move(thresholds)},
            {"p_value", json_of(statistic.p_value)},
            {"histogram", json_of(statistic.histogram)}};
}

Json json_of(const ToyParameter& parameter) {
    const double n = static_cast<double>(parameter.pulls);
    Json json{{"name", parameter.name},
              {"truth", parameter.truth},
              {"mean", parameter.mean},
              {"width", parameter.width},
              {"pull_mean", parameter.pull_mean},
              {"pull_mean_error", number(parameter.pull_width / std::sqrt(n))},
              {"pull_width", parameter.pull_width},
              {"pull_width_error", number(parameter.pull_width / std::sqrt(2.0 * n))},
              {"pulls", parameter.pulls}};
    if (!parameter.histogram.counts.empty()) json["histogram"] = json_of(parameter.histogram);
    return json;
}

Json json_of(const ToyPointResult& point) {
    Json json{{"test", point.test},
              {"toys", point.toys},
              {"converged", json_of(point.converged)},
              {"mean_events", point.mean_events}};
    for (const ToyListSummary& list : point.lists) {
        json["lists"].push_back({{"expected", list.expected},
                                 {"effective_events", list.effective_events},
                                 {"negative", list.negative},
                                 {"negative_events", list.n_negative}});
    }
    for (const double reuse : point.reuse) json["reuse"].push_back(reuse);
    json["statistics"] = Json::array();
    for (const ToyStatistic& s : point.statistics) json["statistics"].push_back(json_of(s));
    json["parameters"] = Json::array();
    for (const ToyParameter& p : point.parameters) json["parameters"].push_back(json_of(p));
    return json;
}

Json json_of(const NeymanResult& result) {
    Json ranges = Json::array();
    for (const AcceptedRange& range : result.ranges) {
        ranges.push_back({{"low", range.low},
                          {"high", range.high},
                          {"low_at_end", range.low_at_end},
                          {"high_at_end", range.high_at_end}});
    }
    return {{"statistic", result.statistic}, {"level", result.level}, {"ranges", ranges}};
}

double number_of(const Json& json) {
    return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

/// Nothing in files of versions that made none.
ToyHistogram histogram_in(const Json& json) {
    if (!json.contains("histogram")) return {};
    const Json& found = json.at("histogram");
    return {found.at("low"), found.at("high"), found.at("counts")};
}

ToyPointResult point_in(const Json& json) {
    ToyPointResult point;
    point.test = json.at("test");
    point.toys = json.at("toys");
    for (const Json& entry : json.at("statistics")) {
        ToyStatistic statistic{entry.at("name"), entry.at("observed"), {}, {}, histogram_in(entry)};
        const Json& p_value = entry.at("p_value");
        statistic.p_value = {p_value.at("value"), p_value.at("error")};
        for (const Json& threshold : entry.at("thresholds")) {
            statistic.thresholds.push_back({threshold.at("level"), number_of(threshold.at("value")),
                                            number_of(threshold.at("error")), point.toys});
        }
        point.statistics.push_back(std::move(statistic));
    }
    for (const Json& entry : json.at("parameters")) {
        point.parameters.push_back({entry.at("name"), entry.at("truth"), entry.at("mean"),
                                    entry.at("width"), entry.at("pull_mean"),
                                    entry.at("pull_width"), entry.at("pulls"),
                                    histogram_in(entry)});
    }
    return point;
}

}  // namespace

ToyResults parse_toys_json(std::string_view text) {
    return in_context("toys.json", [&] {
        try {
            constexpr int deepest = 16;
            const Json json = parse_json<Json>(text, deepest);
            if (json.at("format") != "ratiofarm toys" || json.at("version") != 1) {
                throw DataError("is not 'ratiofarm toys' of version 1");
            }
            ToyResults results{json.at("campaign"), {}, {}, {}, json.at("poi"), {}};
            for (const Json& point : json.at("points")) results.points.push_back(point_in(point));
            for (const Json& entry : json.at("neyman")) {
                NeymanResult result{entry.at("statistic"), entry.at("level"), {}};
                for (const Json& range : entry.at("ranges")) {
                    result.ranges.push_back({range.at("low"), range.at("high"),
                                             range.at("low_at_end"), range.at("high_at_end")});
                }
                results.neyman.push_back(std::move(result));
            }
            if (!json.contains("made_from")) return results;
            for (const auto& [key, value] : json.at("made_from").items()) {
                results.made_from.emplace_back(key, value.get<std::string>());
            }
            return results;
        } catch (const nlohmann::json::exception& error) {
            throw DataError(std::string(error.what()) + ": damaged or written by another version?");
        }
    });
}

std::string toys_json(const ToyPlan& plan, const ToyResults& results) {
    Json json{{"format", "ratiofarm toys"},
              {"version", 1},
              {"made_by", made_by()},
              {"campaign", results.campaign},
              {"poi", plan.model().parameter_of_interest},
              {"drawn_from", plan.request().unit_weights ? "samples" : "mixture"},
              {"shape_norm", word_of(plan.request().shape_norm)},
              {"nuisances", plan.request().profiled ? "profiled" : "fixed"}};
    json["points"] = Json::array();
    for (const ToyPointResult& point : results.points) json["points"].push_back(json_of(point));
    json["neyman"] = Json::array();
    for (const NeymanResult& result : results.neyman) json["neyman"].push_back(json_of(result));
    for (const auto& region : plan.cancelled()) {
        for (const CancelledWeights& set : region) {
            json["negative_weights"].push_back({{"sample", set.set},
                                                {"events", set.events},
                                                {"negative", set.negative},
                                                {"effective_events", set.effective},
                                                {"cells", set.cells}});
        }
    }
    json["warnings"] = results.warnings;
    for (const auto& [key, value] : plan.made_from()) json["made_from"][key] = value;
    return json.dump(2) + "\n";
}

}  // namespace ratiofarm
