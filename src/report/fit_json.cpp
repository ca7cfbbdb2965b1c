#include "ratiofarm/report/fit_json.hpp"

#include <limits>
#include <optional>

#include <nlohmann/json.hpp>

#include "ratiofarm/core/errors.hpp"

#include "json_text.hpp"

namespace ratiofarm {
namespace {

using Json = nlohmann::ordered_json;

/// Which definition each number follows.
Json definitions() {
    return {
        {"error",
         "square root of the diagonal of the inverse Hessian of the NLL at the minimum; fixed "
         "parameters and parameters at a bound are held"},
        {"error_low, error_high", "distances from the value to the nearest points where t = 1"},
        {"nll",
         "nu(theta) - sum_i w_i ln(sum_j f_j(theta) nu_j r_j(x_i)); constants dropped, so only "
         "differences have a meaning"},
        {"t", "2 (NLL(poi, others profiled) - NLL(minimum)): two-sided t_mu of arXiv:1007.1727"},
        {"edm", "g^T H^-1 g / 2 at the minimum"},
        {"passes", "evaluations of the likelihood over all events"},
        {"guards",
         "events in the likelihood, skipped for zero weight, and with a mixture that is not "
         "positive at "
         "the minimum"}};
}

Json parameter_json(const FittedParameter& parameter) {
    Json json{{"name", parameter.name}, {"value", parameter.value}, {"error", parameter.error}};
    if (parameter.error_low) json["error_low"] = *parameter.error_low;
    if (parameter.error_high) json["error_high"] = *parameter.error_high;
    json["fixed"] = parameter.fixed;
    json["at_bound"] = parameter.at_bound;
    return json;
}

/// The keys of one fit, added to `json`.
void add_fit(const FitResult& fit, Json& json) {
    json["poi"] = fit.poi;
    json["converged"] = fit.converged;
    json["nll"] = fit.nll;
    json["edm"] = fit.edm;
    json["passes"] = fit.passes;
    json["parameters"] = Json::array();
    for (const auto& parameter : fit.parameters) {
        json["parameters"].push_back(parameter_json(parameter));
    }
    json["correlation"] = fit.correlation;
    json["covariance"] = fit.covariance;
    json["impacts"] = Json::array();
    json["scan"] = Json::array();
    for (const auto& point : fit.scan) {
        json["scan"].push_back({{"poi", point.poi},
                                {"t", point.t},
                                {"parameters", point.parameters},
                                {"converged", point.converged}});
    }
    json["minima"] = Json::array();
    for (const auto& minimum : fit.minima) {
        json["minima"].push_back({{"parameters", minimum.parameters}, {"nll", minimum.nll}});
    }
    json["guards"] = {{"events", fit.guards.events},
                      {"zero_weight", fit.guards.zero_weight},
                      {"non_positive_mixture", fit.guards.non_positive_mixture}};
    json["warnings"] = fit.warnings;
}

double number(const Json& json) {
    return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

std::vector<double> numbers(const Json& json) {
    std::vector<double> values;
    for (const Json& value : json) values.push_back(number(value));
    return values;
}

std::vector<std::vector<double>> matrix(const Json& json) {
    std::vector<std::vector<double>> rows;
    for (const Json& row : json) rows.push_back(numbers(row));
    return rows;
}

std::optional<double> optional_number(const Json& json, const char* key) {
    if (!json.contains(key)) return std::nullopt;
    return number(json.at(key));
}

FittedParameter read_parameter(const Json& json) {
    return {.name = json.at("name").get<std::string>(),
            .value = number(json.at("value")),
            .error = number(json.at("error")),
            .fixed = json.at("fixed").get<bool>(),
            .at_bound = json.at("at_bound").get<bool>(),
            .error_low = optional_number(json, "error_low"),
            .error_high = optional_number(json, "error_high")};
}

FitResult read_fit(const Json& json) {
    FitResult fit;
    fit.poi = json.at("poi").get<std::string>();
    fit.converged = json.at("converged").get<bool>();
    fit.nll = number(json.at("nll"));
    fit.edm = number(json.at("edm"));
    fit.passes = json.at("passes").get<std::uint64_t>();
    for (const Json& parameter : json.at("parameters")) {
        fit.parameters.push_back(read_parameter(parameter));
    }
    fit.correlation = matrix(json.at("correlation"));
    fit.covariance = matrix(json.at("covariance"));
    for (const Json& point : json.at("scan")) {
        fit.scan.push_back({number(point.at("poi")), number(point.at("t")),
                            numbers(point.at("parameters")), point.at("converged").get<bool>()});
    }
    for (const Json& minimum : json.at("minima")) {
        fit.minima.push_back({numbers(minimum.at("parameters")), number(minimum.at("nll"))});
    }
    const Json& guards = json.at("guards");
    fit.guards = {guards.at("events").get<std::uint64_t>(),
                  guards.at("zero_weight").get<std::uint64_t>(),
                  guards.at("non_positive_mixture").get<std::uint64_t>()};
    fit.warnings = json.at("warnings").get<std::vector<std::string>>();
    return fit;
}

FitRecord read_record(const Json& json) {
    const auto schema = json.at("schema").get<std::string>();
    if (schema != fit_json_schema) {
        throw DataError("schema is '" + schema + "'; this version reads '" +
                        std::string(fit_json_schema) + "': repeat the fit with this version");
    }
    FitRecord record;
    record.campaign = json.at("campaign").get<std::string>();
    record.inputs = json.at("inputs").get<std::string>();
    record.data = json.at("data").get<std::string>();
    record.fit = read_fit(json);
    for (const Json& comparison : json.at("comparisons")) {
        record.comparisons.push_back(
            {comparison.at("label").get<std::string>(), read_fit(comparison)});
    }
    return record;
}

}  // namespace

std::string fit_json(const FitRecord& record) {
    Json json{{"schema", fit_json_schema},
              {"campaign", record.campaign},
              {"inputs", record.inputs},
              {"data", record.data}};
    add_fit(record.fit, json);
    json["comparisons"] = Json::array();
    for (const auto& comparison : record.comparisons) {
        Json entry{{"label", comparison.label}};
        add_fit(comparison.fit, entry);
        json["comparisons"].push_back(std::move(entry));
    }
    json["definitions"] = definitions();
    constexpr int expanded_depth = 3;  // one line per parameter, matrix row and scan point
    return json_text(json, expanded_depth);
}

FitRecord parse_fit_json(std::string_view text) {
    return in_context("fit.json", [&] {
        try {
            return read_record(Json::parse(text));
        } catch (const nlohmann::json::exception& error) {
            throw DataError(std::string(error.what()) + ": damaged or written by another version?");
        }
    });
}

}  // namespace ratiofarm
