#include "fit_result_json.hpp"

#include <limits>
#include <optional>

namespace ratiofarm {
namespace {

using Json = nlohmann::ordered_json;

// Optional numbers: a key that is not there.
void put(Json& json, const char* key, const std::optional<double>& value) {
    if (value) json[key] = *value;
}

std::optional<double> take(const Json& json, const char* key) {
    if (!json.contains(key)) return std::nullopt;
    return json_number(json.at(key));
}

std::vector<double> numbers(const Json& json) {
    std::vector<double> values;
    for (const Json& value : json) values.push_back(json_number(value));
    return values;
}

std::vector<std::vector<double>> matrix(const Json& json) {
    std::vector<std::vector<double>> rows;
    for (const Json& row : json) rows.push_back(numbers(row));
    return rows;
}

/// An array made of the elements of a list.
template <class List, class Function>
Json array_of(const List& list, Function to_json) {
    Json json = Json::array();
    for (const auto& element : list) json.push_back(to_json(element));
    return json;
}

Json parameter_json(const FittedParameter& parameter) {
    Json json{{"name", parameter.name}, {"value", parameter.value}, {"error", parameter.error}};
    put(json, "error_low", parameter.error_low);
    put(json, "error_high", parameter.error_high);
    put(json, "pull", parameter.pull);
    put(json, "constraint", parameter.constraint);
    if (!parameter.group.empty()) json["group"] = parameter.group;
    json["fixed"] = parameter.fixed;
    json["at_bound"] = parameter.at_bound;
    return json;
}

FittedParameter read_parameter(const Json& json) {
    return {.name = json.at("name").get<std::string>(),
            .value = json_number(json.at("value")),
            .error = json_number(json.at("error")),
            .fixed = json.at("fixed").get<bool>(),
            .at_bound = json.at("at_bound").get<bool>(),
            .error_low = take(json, "error_low"),
            .error_high = take(json, "error_high"),
            .pull = take(json, "pull"),
            .constraint = take(json, "constraint"),
            .group = json.value("group", std::string())};
}

Json impact_json(const Impact& impact) {
    Json json{{"parameter", impact.parameter},
              {"others_fixed", impact.others_fixed},
              {"refit_shift", impact.refit_shift}};
    put(json, "global_observable", impact.global_observable);
    put(json, "refit_down", impact.refit_down);
    put(json, "refit_up", impact.refit_up);
    put(json, "observable_down", impact.observable_down);
    put(json, "observable_up", impact.observable_up);
    return json;
}

Impact read_impact(const Json& json) {
    return {.parameter = json.at("parameter").get<std::string>(),
            .others_fixed = json_number(json.at("others_fixed")),
            .refit_shift = json_number(json.at("refit_shift")),
            .global_observable = take(json, "global_observable"),
            .refit_down = take(json, "refit_down"),
            .refit_up = take(json, "refit_up"),
            .observable_down = take(json, "observable_down"),
            .observable_up = take(json, "observable_up")};
}

Json breakdown_json(const ErrorBreakdown& breakdown) {
    return {{"total", breakdown.total},
            {"systematic", breakdown.systematic},
            {"statistical", breakdown.statistical},
            {"statistical_frozen", breakdown.statistical_frozen},
            {"groups", array_of(breakdown.groups, [](const GroupError& group) {
                 return Json{{"group", group.group},
                             {"global_observables", group.global_observables},
                             {"frozen", group.frozen}};
             })}};
}

ErrorBreakdown read_breakdown(const Json& json) {
    ErrorBreakdown breakdown{json_number(json.at("total")),
                             json_number(json.at("systematic")),
                             json_number(json.at("statistical")),
                             json_number(json.at("statistical_frozen")),
                             {}};
    for (const Json& group : json.at("groups")) {
        breakdown.groups.push_back({group.at("group").get<std::string>(),
                                    json_number(group.at("global_observables")),
                                    json_number(group.at("frozen"))});
    }
    return breakdown;
}

Json guards_json(const GuardCounts& guards) {
    return {{"events", guards.events},
            {"zero_weight", guards.zero_weight},
            {"non_positive_mixture", guards.non_positive_mixture},
            {"clipped_factors", guards.clipped_factors},
            {"clipped_anchors", array_of(guards.clipped_anchors, [](const auto& clipped) {
                 return Json{{"region", clipped.region},
                             {"process", clipped.process},
                             {"count", clipped.count}};
             })}};
}

GuardCounts read_guards(const Json& json) {
    GuardCounts guards{json.at("events").get<std::uint64_t>(),
                       json.at("zero_weight").get<std::uint64_t>(),
                       json.at("non_positive_mixture").get<std::uint64_t>(),
                       json.at("clipped_factors").get<std::uint64_t>(),
                       {}};
    for (const Json& clipped : json.at("clipped_anchors")) {
        guards.clipped_anchors.push_back({clipped.at("region").get<std::string>(),
                                          clipped.at("process").get<std::string>(),
                                          clipped.at("count").get<std::uint64_t>()});
    }
    return guards;
}

Json flat_direction_json(const FlatDirection& direction) {
    return array_of(direction.leading, [](const auto& part) {
        return Json{{"parameter", part.parameter}, {"share", part.share}};
    });
}

Json scan_point_json(const ScanPoint& point) {
    return {{"poi", point.poi},
            {"t", point.t},
            {"parameters", point.parameters},
            {"converged", point.converged},
            {"interpolated", point.interpolated}};
}

void read_lists(const Json& json, FitResult& fit) {
    for (const Json& parameter : json.at("parameters")) {
        fit.parameters.push_back(read_parameter(parameter));
    }
    for (const Json& direction : json.at("flat_directions")) {
        FlatDirection flat;
        for (const Json& part : direction) {
            flat.leading.push_back(
                {part.at("parameter").get<std::string>(), json_number(part.at("share"))});
        }
        fit.flat_directions.push_back(std::move(flat));
    }
    for (const Json& impact : json.at("impacts")) fit.impacts.push_back(read_impact(impact));
    for (const Json& point : json.at("scan")) {
        fit.scan.push_back({json_number(point.at("poi")), json_number(point.at("t")),
                            numbers(point.at("parameters")), point.at("converged").get<bool>(),
                            point.at("interpolated").get<bool>()});
    }
    for (const Json& minimum : json.at("minima")) {
        fit.minima.push_back({numbers(minimum.at("parameters")), json_number(minimum.at("nll"))});
    }
    for (const Json& z : json.at("normalisations")) {
        fit.normalisations.push_back({z.at("region").get<std::string>(),
                                      z.at("process").get<std::string>(), json_number(z.at("z")),
                                      json_number(z.at("z_of_reference"))});
    }
}

}  // namespace

double json_number(const Json& json) {
    return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

void add_fit_json(const FitResult& fit, Json& json) {
    json["poi"] = fit.poi;
    json["converged"] = fit.converged;
    json["at_rounding"] = fit.at_rounding;
    json["nll"] = fit.nll;
    json["edm"] = fit.edm;
    json["passes"] = fit.passes;
    json["pass_counts"] = {{"first_descent", fit.pass_counts.first_descent},
                           {"search", fit.pass_counts.search},
                           {"intervals", fit.pass_counts.intervals}};
    json["condition_number"] = fit.condition_number;
    json["parameters"] = array_of(fit.parameters, parameter_json);
    json["correlation"] = fit.correlation;
    json["covariance"] = fit.covariance;
    json["flat_directions"] = array_of(fit.flat_directions, flat_direction_json);
    json["impacts"] = array_of(fit.impacts, impact_json);
    json["breakdown"] = breakdown_json(fit.breakdown);
    if (!fit.scan_parameter.empty()) json["scan_parameter"] = fit.scan_parameter;
    json["scan"] = array_of(fit.scan, scan_point_json);
    json["minima"] = array_of(fit.minima, [](const Minimum& minimum) {
        return Json{{"parameters", minimum.parameters}, {"nll", minimum.nll}};
    });
    json["guards"] = guards_json(fit.guards);
    json["normalisations"] = array_of(fit.normalisations, [](const auto& z) {
        return Json{{"region", z.region},
                    {"process", z.process},
                    {"z", z.z},
                    {"z_of_reference", z.z_of_reference}};
    });
    json["warnings"] = fit.warnings;
}

FitResult read_fit_json(const Json& json) {
    FitResult fit;
    fit.poi = json.at("poi").get<std::string>();
    fit.converged = json.at("converged").get<bool>();
    fit.at_rounding = json.at("at_rounding").get<bool>();
    fit.nll = json_number(json.at("nll"));
    fit.edm = json_number(json.at("edm"));
    fit.passes = json.at("passes").get<std::uint64_t>();
    const Json& counts = json.at("pass_counts");
    fit.pass_counts = {counts.at("first_descent").get<std::uint64_t>(),
                       counts.at("search").get<std::uint64_t>(),
                       counts.at("intervals").get<std::uint64_t>()};
    const Json& condition = json.at("condition_number");
    fit.condition_number =
        condition.is_null() ? std::numeric_limits<double>::infinity() : condition.get<double>();
    fit.correlation = matrix(json.at("correlation"));
    fit.covariance = matrix(json.at("covariance"));
    fit.breakdown = read_breakdown(json.at("breakdown"));
    fit.scan_parameter = json.value("scan_parameter", std::string());
    fit.guards = read_guards(json.at("guards"));
    read_lists(json, fit);
    fit.warnings = json.at("warnings").get<std::vector<std::string>>();
    return fit;
}

}  // namespace ratiofarm
