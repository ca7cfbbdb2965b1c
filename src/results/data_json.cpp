#include "data_json.hpp"

#include "fit_result_json.hpp"
#include "unblinding_json.hpp"

namespace ratiofarm {
namespace {

using Json = nlohmann::ordered_json;

Json injection_json(const InjectionFit& injection) {
    Json parameters = Json::array();
    for (const InjectedParameter& parameter : injection.parameters) {
        Json json{{"name", parameter.name},
                  {"injected", parameter.injected},
                  {"value", parameter.value},
                  {"error", parameter.error}};
        if (parameter.error_low) json["error_low"] = *parameter.error_low;
        if (parameter.error_high) json["error_high"] = *parameter.error_high;
        if (parameter.pull) json["pull"] = *parameter.pull;
        parameters.push_back(std::move(json));
    }
    return {{"name", injection.name},
            {"data", injection.data},
            {"converged", injection.converged},
            {"parameters", std::move(parameters)}};
}

std::optional<double> optional_number(const Json& json, const char* key) {
    return json.contains(key) ? std::optional(json_number(json.at(key))) : std::nullopt;
}

InjectionFit read_injection(const Json& json) {
    InjectionFit injection{json.at("name").get<std::string>(),
                           json.at("data").get<std::string>(),
                           json.at("converged").get<bool>(),
                           {}};
    for (const Json& parameter : json.at("parameters")) {
        injection.parameters.push_back(
            {parameter.at("name").get<std::string>(), json_number(parameter.at("injected")),
             json_number(parameter.at("value")), json_number(parameter.at("error")),
             optional_number(parameter, "error_low"), optional_number(parameter, "error_high"),
             optional_number(parameter, "pull")});
    }
    return injection;
}

}  // namespace

void add_data_json(const FitRecord& record, Json& json) {
    if (record.blinding) {
        Json blinding{{"measurement", record.blinding->measurement},
                      {"blind", !record.blinding->unblinding.has_value()}};
        if (record.blinding->unblinding) {
            blinding["unblinded"] = unblinding_json(*record.blinding->unblinding);
        }
        json["blinding"] = std::move(blinding);
    }
    if (record.injections.empty()) return;
    json["injections"] = Json::array();
    for (const InjectionFit& injection : record.injections) {
        json["injections"].push_back(injection_json(injection));
    }
}

void read_data_json(const Json& json, FitRecord& record) {
    if (json.contains("blinding")) {
        const Json& blinding = json.at("blinding");
        record.blinding = Blinding{blinding.at("measurement").get<std::string>(), {}};
        if (blinding.contains("unblinded")) {
            record.blinding->unblinding = read_unblinding(blinding.at("unblinded"));
        }
    }
    if (!json.contains("injections")) return;
    for (const Json& injection : json.at("injections")) {
        record.injections.push_back(read_injection(injection));
    }
}

}  // namespace ratiofarm
