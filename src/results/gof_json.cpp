#include "gof_json.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/errors.hpp"

#include "fit_result_json.hpp"
#include "json_text.hpp"

namespace ratiofarm {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view gof_format_name = "ratiofarm goodness of fit";
constexpr int gof_format_version = 1;

Json test_json(const GofTest& test) {
    Json json{{"region", test.region},
              {"observable", test.observable},
              {"deviance", test.deviance},
              {"ndf", test.ndf},
              {"p_asymptotic", test.p_asymptotic},
              {"p_value", {{"value", test.p_value}, {"error", test.p_error}}}};
    if (test.observed.empty()) return json;
    if (!test.edges.empty()) json["edges"] = test.edges;
    json["observed"] = test.observed;
    json["expected"] = test.expected;
    return json;
}

GofTest read_gof_test(const Json& json) {
    GofTest test{
        json.at("region").get<std::string>(),       json.at("observable").get<std::string>(),
        json_number(json.at("deviance")),           json_number(json.at("ndf")),
        json_number(json.at("p_asymptotic")),       json_number(json.at("p_value").at("value")),
        json_number(json.at("p_value").at("error"))};
    const std::vector<double> none;
    test.edges = json.value("edges", none);
    test.observed = json.value("observed", none);
    test.expected = json.value("expected", none);
    return test;
}

GofRecord read_gof(const Json& json) {
    if (json.at("format").get<std::string>() != gof_format_name ||
        json.at("version").get<int>() != gof_format_version) {
        throw DataError(fmt::format("is not '{}' of version {}", gof_format_name, gof_format_version));
    }
    GofRecord record{json.at("campaign").get<std::string>(),
                     json.at("data").get<std::string>(),
                     json.at("poi").get<std::string>(),
                     json_number(json.at("best")),
                     json.at("toys").get<std::uint64_t>(),
                     json.at("failed").get<std::uint64_t>(),
                     {}};
    for (const Json& test : json.at("tests")) record.tests.push_back(read_gof_test(test));
    return record;
}

}  // namespace

std::string gof_json(const GofRecord& record) {
    Json json{{"format", gof_format_name}, {"version", gof_format_version}, {"campaign", record.campaign},
              {"data", record.data},   {"poi", record.poi},         {"best", record.best},
              {"toys", record.toys},   {"failed", record.failed}};
    json["tests"] = Json::array();
    for (const GofTest& test : record.tests) json["tests"].push_back(test_json(test));
    constexpr int expanded_depth = 3;
    return json_text(json, expanded_depth);
}

GofRecord parse_gof_json(std::string_view text) {
    return in_context("gof.json", [&] {
        try {
            return read_gof(Json::parse(text));
        } catch (const nlohmann::json::exception& error) {
            throw DataError(std::string(error.what()) + ": damaged or written by another version?");
        }
    });
}

std::string gof_text(const GofRecord& record) {
    std::string text =
        fmt::format("goodness of fit of {}, {} toys at {} = {:.6g}{}\n", record.data, record.toys,
                    record.poi, record.best,
                    record.failed == 0 ? std::string()
                                       : fmt::format(" ({} more did not converge)", record.failed));
    std::size_t width = 6;
    std::size_t wide = 10;
    for (const GofTest& test : record.tests) {
        width = std::max(width, test.region.size());
        wide = std::max(wide, test.observable.size());
    }
    text += fmt::format("{:<{}} {:<{}} {:>5} {:>10} {:>6} {:>18} {:>13}\n", "region", width,
                        "observable", wide, "bins", "deviance", "ndf", "p-value", "chi2 p-value");
    for (const GofTest& test : record.tests) {
        text += fmt::format(
            "{:<{}} {:<{}} {:>5} {:>10.3f} {:>6g} {:>18} {:>13.4g}\n", test.region, width,
            test.observable, wide,
            test.observed.empty() ? std::string("-") : fmt::format("{}", test.observed.size()),
            test.deviance, test.ndf, fmt::format("{:.4f} +- {:.4f}", test.p_value, test.p_error),
            test.p_asymptotic);
    }
    return text;
}

}  // namespace ratiofarm
