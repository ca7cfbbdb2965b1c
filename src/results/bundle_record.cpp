#include "bundle_record.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/errors.hpp"

#include "json_fields.hpp"
#include "json_text.hpp"

namespace ratiofarm {
namespace {

using Json = nlohmann::ordered_json;

/// A format with its version.
struct Kind {
    std::string_view format;
    std::uint64_t version;
};
constexpr Kind bundle_kind{"ratiofarm bundle", 1};
constexpr Kind golden_kind{"ratiofarm golden values", 1};

Json header(const Kind& kind) { return {{"format", kind.format}, {"version", kind.version}}; }

/// \throws DataError, which says which program can read another version
template <class Read>
void read_record(std::string_view text, const Kind& kind, const Read& read) {
    try {
        const Json json = parse_record(text);
        const auto format = json.at("format").get<std::string>();
        if (format != kind.format) {
            throw DataError(fmt::format("has the format '{}', not '{}'", format, kind.format));
        }
        if (json.at("version") != kind.version) {
            throw DataError(
                fmt::format("has version {} of '{}'; this program reads version {}: "
                            "use a ratiofarm that can read it",
                            json.at("version").dump(), format, kind.version));
        }
        read(json);
    } catch (const nlohmann::json::exception& error) {
        throw DataError(std::string(error.what()) + ": damaged or written by another version?");
    }
}

/// All but the format; `visit` is a JsonWriter or a JsonReader.
template <class Visit>
void visit_bundle(Visit& visit, MemberOf<Visit, BundleRecord>& value) {
    visit("made_by", value.made_by);
    visit("campaign", value.campaign);
    visit("level", value.level);
    visit("data", value.data);
    visit("description", value.description);
    visit("left_out", value.left_out);
    visit("files", value.files);
}

void compare(std::vector<std::string>& lines,
             const std::string& what,
             double golden,
             double now,
             double scale) {
    if (std::abs(golden - now) <= golden_tolerance * std::max(scale, 1.0)) return;
    lines.push_back(fmt::format("{} is {:.12g}, must be {:.12g}", what, now, golden));
}

void compare(std::vector<std::string>& lines,
             const GoldenRecord& golden,
             std::size_t index,
             const GoldenRecord::Point& now) {
    const GoldenRecord::Point& point = golden.points[index];
    const std::string at = fmt::format("point {}: ", index + 1);
    const auto curvature = [&](std::size_t a) { return std::sqrt(std::abs(point.hessian[a][a])); };
    compare(lines, at + "the difference of the NLL", point.nll, now.nll, std::abs(point.nll));
    for (std::size_t a = 0; a < golden.parameters.size(); ++a) {
        const std::string& name = golden.parameters[a];
        compare(lines, at + "dNLL/d" + name, point.gradient[a], now.gradient[a],
                std::max(std::abs(point.gradient[a]), curvature(a)));
        for (std::size_t b = 0; b <= a; ++b) {
            compare(lines, fmt::format("{}d2NLL/d{}d{}", at, name, golden.parameters[b]),
                    point.hessian[a][b], now.hessian[a][b], curvature(a) * curvature(b));
        }
    }
}

/// \throws DataError unless every list has an entry for each parameter
void expect_sizes(const GoldenRecord& record) {
    const std::size_t n = record.parameters.size();
    const auto fits = [n](const auto& list) { return list.size() == n; };
    for (const GoldenRecord::Point& point : record.points) {
        if (fits(point.parameters) && fits(point.gradient) && fits(point.hessian) &&
            std::ranges::all_of(point.hessian, fits)) {
            continue;
        }
        throw DataError("a point has not as many entries as there are parameters");
    }
}

}  // namespace

Digest digest_of(const BundleRecord& record) {
    Hasher hasher;
    for (const BundleFile& file : record.files) {
        const bool counts = file.name == "campaign.toml" || file.name.starts_with("ratios");
        if (counts) hasher.text(file.name).text(file.sha256);
    }
    return hasher.finish();
}

std::string bundle_json(const BundleRecord& record) {
    Json json = header(bundle_kind);
    json["digest"] = digest_of(record).hex();
    JsonWriter writer(json);
    visit_bundle(writer, record);
    return json_text(json, 2);
}

BundleRecord parse_bundle_json(std::string_view text) {
    return in_context("bundle.json", [&] {
        BundleRecord record;
        read_record(text, bundle_kind, [&](const Json& json) {
            JsonReader reader(json);
            visit_bundle(reader, record);
        });
        return record;
    });
}

std::string golden_json(const GoldenRecord& record) {
    Json json = header(golden_kind);
    JsonWriter writer(json);
    fields(writer, record);
    return json_text(json, 3);
}

GoldenRecord parse_golden_json(std::string_view text) {
    return in_context("golden.json", [&] {
        GoldenRecord record;
        read_record(text, golden_kind, [&](const Json& json) {
            JsonReader reader(json);
            fields(reader, record);
        });
        expect_sizes(record);
        return record;
    });
}

std::vector<std::string> golden_differences(const GoldenRecord& golden, const GoldenRecord& now) {
    if (golden.parameters != now.parameters || golden.points.size() != now.points.size()) {
        return {fmt::format("the likelihood has {} parameters, golden.json {}",
                            now.parameters.size(), golden.parameters.size())};
    }
    std::vector<std::string> lines;
    if (golden.data != now.data) {
        lines.push_back(fmt::format("the data are '{}', must be '{}'", now.data, golden.data));
    }
    for (std::size_t i = 0; i < golden.points.size(); ++i) compare(lines, golden, i, now.points[i]);
    return lines;
}

}  // namespace ratiofarm
