#include "nets_record.hpp"

#include <cmath>
#include <filesystem>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/publish.hpp"
#include "core/sealed_text.hpp"

namespace ratiofarm {
namespace {

using Json = nlohmann::ordered_json;

constexpr int schema = 2;

/// JSON has no NaN.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

double number(const Json& value) {
    return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

Json json_of(const EnsembleChoice& choice) {
    std::uint64_t nets = 0;
    std::uint64_t replaced = 0;
    for (const SlotChoice& slot : choice.choices) {
        if (slot.state != SlotChoice::State::chosen) continue;
        nets += 1;
        replaced += slot.index > 0 ? 1 : 0;
    }
    Json excluded = Json::array();
    for (const Exclusion& exclusion : choice.exclusions()) {
        excluded.push_back({{"net", exclusion.net},
                            {"gate", exclusion.gate},
                            {"value", number(exclusion.value)},
                            {"allowed", number(exclusion.allowed)},
                            {"reason", exclusion.text}});
    }
    return {
        {"name", choice.name},          {"complete", choice.complete},     {"nets", nets},
        {"replaced", replaced},         {"spread", number(choice.spread)}, {"excluded", excluded},
        {"failures", choice.failures()}};
}

Json json_of(const JudgedShape& shape) {
    const ShapeJudgement& judgement = shape.judgement;
    return {{"process", shape.process},
            {"parameter", shape.parameter},
            {"gain", number(judgement.gain)},
            {"gain_error", number(judgement.gain_error)},
            {"none", judgement.none},
            {"noise_variance", number(judgement.noise_variance)},
            {"yield", number(shape.yield)},
            {"information", number(shape.yield * judgement.noise_variance)}};
}

JudgedShape shape_of(const Json& json) {
    return {json.at("process"),
            json.at("parameter"),
            number(json.at("yield")),
            {.gain = number(json.at("gain")),
             .gain_error = number(json.at("gain_error")),
             .noise_variance = number(json.at("noise_variance")),
             .none = json.at("none")}};
}

/// The list under a key, entry by entry; nothing if there is no file.
template <class Record>
std::vector<Record> read_list(const RunDirectory& directory,
                              const std::string& key,
                              Record (*read)(const Json&)) {
    const auto path = directory.nets();
    if (!std::filesystem::exists(path)) return {};
    return in_context(path.string(), [&] {
        try {
            const Json json = Json::parse(read_sealed(path));
            if (json.at("schema") != schema) throw DataError("unknown schema");
            std::vector<Record> records;
            for (const Json& entry : json.at(key)) records.push_back(read(entry));
            return records;
        } catch (const Json::exception& error) {
            throw DataError(error.what());
        }
    });
}

EnsembleRecord record_of(const Json& json) {
    EnsembleRecord record{.name = json.at("name"),
                          .complete = json.at("complete"),
                          .nets = json.at("nets"),
                          .replaced = json.at("replaced"),
                          .spread = number(json.at("spread")),
                          .excluded = {},
                          .failures = json.at("failures")};
    for (const Json& exclusion : json.at("excluded")) {
        record.excluded.push_back({exclusion.at("net"), exclusion.at("gate"),
                                   number(exclusion.at("value")), number(exclusion.at("allowed")),
                                   exclusion.at("reason")});
    }
    return record;
}

}  // namespace

void record_nets(const RunDirectory& directory,
                 const std::vector<EnsembleChoice>& choices,
                 const std::vector<JudgedShape>& shapes) {
    Json ensembles = Json::array();
    for (const EnsembleChoice& choice : choices) ensembles.push_back(json_of(choice));
    Json judged = Json::array();
    for (const JudgedShape& shape : shapes) judged.push_back(json_of(shape));
    const std::string text =
        Json{{"schema", schema}, {"ensembles", ensembles}, {"shapes", judged}}.dump(2) + "\n";
    const auto path = directory.nets();
    if (std::filesystem::exists(path) && read_text(path) == sealed(path, text)) return;
    publish_sealed(path, text);
}

std::vector<EnsembleRecord> read_nets_record(const RunDirectory& directory) {
    return read_list(directory, "ensembles", record_of);
}

std::vector<JudgedShape> read_shapes_record(const RunDirectory& directory) {
    return read_list(directory, "shapes", shape_of);
}

}  // namespace ratiofarm
