#include "fit_result_json.hpp"

namespace ratiofarm {
namespace {

using Json = nlohmann::ordered_json;

Json sums_json(const std::vector<LineSums>& regions) {
    Json json = Json::array();
    for (const LineSums& region : regions) {
        json.push_back({{"lines", region.lines == RatioLines::member ? "member" : "replica"},
                        {"factor", region.factor},
                        {"constant", region.constant}});
    }
    return json;
}

std::vector<LineSums> read_sums(const Json& json) {
    std::vector<LineSums> regions;
    for (const Json& region : json) {
        regions.push_back({region.at("lines").get<std::string>() == "member" ? RatioLines::member
                                                                             : RatioLines::replica,
                           region.at("factor").get<std::vector<std::vector<double>>>(),
                           region.at("constant").get<std::vector<double>>()});
    }
    return regions;
}

Json spread_json(const EstimateSpread& spread) {
    return {{"sigma", spread.sigma},
            {"sigma_error", spread.sigma_error},
            {"mean", spread.mean},
            {"newton_difference", spread.newton_difference},
            {"not_converged", spread.not_converged},
            {"nets", spread.nets},
            {"estimates", spread.estimates}};
}

EstimateSpread read_spread(const Json& json) {
    EstimateSpread spread;
    spread.estimates = json.at("estimates").get<std::vector<double>>();
    spread.nets = json.at("nets").get<std::vector<std::uint32_t>>();
    spread.mean = json_number(json.at("mean"));
    spread.sigma = json_number(json.at("sigma"));
    spread.sigma_error = json_number(json.at("sigma_error"));
    spread.newton_difference = json_number(json.at("newton_difference"));
    spread.not_converged = json.at("not_converged").get<std::uint32_t>();
    return spread;
}

Json wifi_json(const WeightedMembersFit& wifi) {
    return {{"sigma", wifi.sigma},
            {"estimate", wifi.estimate},
            {"error", wifi.error},
            {"converged", wifi.converged},
            {"ratios", sums_json(wifi.ratios)}};
}

}  // namespace

Json finite_mc_json(const FiniteMcRecord& record) {
    Json json{{"method", word_of(record.method)},
              {"use", word_of(record.use)},
              {"sigma", record.sigma},
              {"fit_value", record.fit_value},
              {"fit_error", record.fit_error},
              {"total_error", record.total_error},
              {"inflation", record.inflation},
              {"direction_sigma", record.direction_sigma}};
    if (record.replicas) json["replicas"] = spread_json(*record.replicas);
    if (record.members) json["members"] = spread_json(*record.members);
    if (record.wifi) json["wifi"] = wifi_json(*record.wifi);
    json["ratios"] = sums_json(record.ratios);
    json["direction"] = sums_json(record.direction);
    json["warnings"] = record.warnings;
    return json;
}

FiniteMcRecord read_finite_mc_json(const Json& json) {
    FiniteMcRecord record;
    record.method = json_enum<FiniteMcMethod>(json.at("method"));
    record.use = json_enum<FiniteMcUse>(json.at("use"));
    record.sigma = json_number(json.at("sigma"));
    record.fit_value = json_number(json.at("fit_value"));
    record.fit_error = json_number(json.at("fit_error"));
    record.total_error = json_number(json.at("total_error"));
    record.inflation = json_number(json.at("inflation"));
    record.direction_sigma = json_number(json.at("direction_sigma"));
    if (json.contains("replicas")) record.replicas = read_spread(json.at("replicas"));
    if (json.contains("members")) record.members = read_spread(json.at("members"));
    if (json.contains("wifi")) {
        const Json& wifi = json.at("wifi");
        record.wifi =
            WeightedMembersFit{json_number(wifi.at("sigma")), json_number(wifi.at("estimate")),
                               json_number(wifi.at("error")), read_sums(wifi.at("ratios")),
                               wifi.at("converged").get<bool>()};
    }
    record.ratios = read_sums(json.at("ratios"));
    record.direction = read_sums(json.at("direction"));
    record.warnings = json.at("warnings").get<std::vector<std::string>>();
    return record;
}

}  // namespace ratiofarm
