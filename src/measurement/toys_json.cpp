#include <cmath>

#include <nlohmann/json.hpp>

#include "toys_results.hpp"

namespace ratiofarm {
namespace {

using Json = nlohmann::ordered_json;

/// What toys could not determine is null.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json json_of(const Fraction& fraction) {
    return {{"value", fraction.value}, {"error", fraction.error}};
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
            {"p_value", json_of(statistic.p_value)}};
}

Json json_of(const ToyParameter& parameter) {
    const double n = static_cast<double>(parameter.pulls);
    return {{"name", parameter.name},
            {"truth", parameter.truth},
            {"mean", parameter.mean},
            {"width", parameter.width},
            {"pull_mean", parameter.pull_mean},
            {"pull_mean_error", number(parameter.pull_width / std::sqrt(n))},
            {"pull_width", parameter.pull_width},
            {"pull_width_error", number(parameter.pull_width / std::sqrt(2.0 * n))},
            {"pulls", parameter.pulls}};
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

}  // namespace

std::string toys_json(const ToyPlan& plan, const ToyResults& results) {
    Json json{{"format", "ratiofarm toys"},
              {"version", 1},
              {"campaign", results.campaign},
              {"poi", plan.model().parameter_of_interest},
              {"drawn_from", plan.request().unit_weights ? "samples" : "mixture"},
              {"shape_norm", word_of(plan.request().shape_norm)},
              {"nuisances", plan.request().profiled ? "profiled" : "fixed"}};
    json["points"] = Json::array();
    for (const ToyPointResult& point : results.points) json["points"].push_back(json_of(point));
    json["neyman"] = Json::array();
    for (const NeymanResult& result : results.neyman) json["neyman"].push_back(json_of(result));
    json["warnings"] = results.warnings;
    return json.dump(2) + "\n";
}

}  // namespace ratiofarm
