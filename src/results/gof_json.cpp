#include "gof_json.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/errors.hpp"

#include "core/program_version.hpp"

#include "json_fields.hpp"
#include "json_text.hpp"

namespace ratiofarm {

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, GofTest>& value) {
    const bool binned = !value.observed.empty();
    visit("region", value.region);
    visit("observable", value.observable);
    visit("deviance", value.deviance);
    visit("ndf", value.ndf);
    visit("p_asymptotic", value.p_asymptotic);
    visit.nested("p_value", [&](Visit& inner) {
        inner("value", value.p_value);
        inner("error", value.p_error);
    });
    visit("edges", value.edges, unless(!binned || value.edges.empty()));
    visit("observed", value.observed, unless(!binned));
    visit("expected", value.expected, unless(!binned));
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, GofRecord>& value) {
    visit("campaign", value.campaign);
    visit("data", value.data);
    visit("poi", value.poi);
    visit("best", value.best);
    visit("toys", value.toys);
    visit("failed", value.failed);
    visit("tests", value.tests);
    visit("made_from", value.made_from, unless(value.made_from.empty()));
    visit("warnings", value.warnings, unless(value.warnings.empty()));
}

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view gof_format_name = "ratiofarm goodness of fit";
constexpr int gof_format_version = 1;

GofRecord read_gof_record(const Json& json) {
    if (json.at("format").get<std::string>() != gof_format_name ||
        json.at("version").get<int>() != gof_format_version) {
        throw DataError(
            fmt::format("is not '{}' of version {}", gof_format_name, gof_format_version));
    }
    GofRecord record;
    JsonReader::read(json, {}, record);
    return record;
}

}  // namespace

std::string gof_json(const GofRecord& record) {
    Json json{{"format", gof_format_name}, {"version", gof_format_version}, {"made_by", made_by()}};
    JsonWriter writer(json);
    fields(writer, record);
    constexpr int expanded_depth = 3;
    return json_text(json, expanded_depth);
}

GofRecord parse_gof_json(std::string_view text) {
    return in_context("gof.json", [&] {
        try {
            return read_gof_record(parse_record(text));
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
    for (const std::string& warning : record.warnings) text += "warning: " + warning + '\n';
    return text;
}

}  // namespace ratiofarm
