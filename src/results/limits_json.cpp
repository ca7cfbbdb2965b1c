#include <array>
#include <optional>

#include "fit_result_json.hpp"

namespace ratiofarm {
namespace {

using Json = nlohmann::ordered_json;

Json optional_json(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

std::optional<double> read_optional(const Json& json) {
    return json.is_null() ? std::nullopt : std::optional(json.get<double>());
}

Json test_json(const ClsTest& test) {
    return {{"poi", test.poi},
            {"q", test.q},
            {"q_asimov", test.q_asimov},
            {"p_sb", test.observed.p_sb},
            {"p_b", test.observed.p_b},
            {"cls", test.observed.cls},
            {"expected_cls", test.expected}};
}

ClsTest read_test(const Json& json) {
    return {.poi = json_number(json.at("poi")),
            .q = json_number(json.at("q")),
            .q_asimov = json_number(json.at("q_asimov")),
            .observed = {json_number(json.at("p_sb")), json_number(json.at("p_b")),
                         json_number(json.at("cls"))},
            .expected = json.at("expected_cls").get<std::array<double, 5>>()};
}

}  // namespace

Json limits_json(const LimitRecord& record) {
    Json json{
        {"asimov", record.asimov},      {"statistic", test_statistic_name(record.limits.statistic)},
        {"level", record.limits.level}, {"observed", optional_json(record.limits.observed)},
        {"band_sigmas", band_sigmas},   {"expected", Json::array()},
        {"tests", Json::array()}};
    for (const auto& limit : record.limits.expected) {
        json["expected"].push_back(optional_json(limit));
    }
    for (const ClsTest& test : record.limits.scan) json["tests"].push_back(test_json(test));
    json["discovery"] = {
        {"q0", record.discovery.q0},
        {"p_value", record.discovery.p_value},
        {"significance", record.discovery.significance},
        {"expected_significance", optional_json(record.discovery.expected_significance)},
        {"expected_at", optional_json(record.expected_at)}};
    return json;
}

LimitRecord read_limits_json(const Json& json) {
    LimitRecord record;
    record.asimov = json.at("asimov").get<std::string>();
    record.limits.statistic = parse_test_statistic(json.at("statistic").get<std::string>());
    record.limits.level = json_number(json.at("level"));
    record.limits.observed = read_optional(json.at("observed"));
    for (std::size_t k = 0; k < record.limits.expected.size(); ++k) {
        record.limits.expected[k] = read_optional(json.at("expected").at(k));
    }
    for (const Json& test : json.at("tests")) record.limits.scan.push_back(read_test(test));
    const Json& discovery = json.at("discovery");
    record.discovery = {
        .q0 = json_number(discovery.at("q0")),
        .p_value = json_number(discovery.at("p_value")),
        .significance = json_number(discovery.at("significance")),
        .expected_significance = read_optional(discovery.at("expected_significance"))};
    record.expected_at = read_optional(discovery.at("expected_at"));
    return record;
}

}  // namespace ratiofarm
