#include "nets_record.hpp"

#include <cmath>
#include <filesystem>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/core/publish.hpp"
#include "ratiofarm/core/sealed_text.hpp"

namespace ratiofarm {
namespace {

using Json = nlohmann::ordered_json;

constexpr int schema = 1;

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

void record_nets(const RunDirectory& directory, const std::vector<EnsembleChoice>& choices) {
    Json ensembles = Json::array();
    for (const EnsembleChoice& choice : choices) ensembles.push_back(json_of(choice));
    const std::string text = Json{{"schema", schema}, {"ensembles", ensembles}}.dump(2) + "\n";
    const auto path = directory.nets();
    if (std::filesystem::exists(path) && read_text(path) == sealed(path, text)) return;
    publish_sealed(path, text);
}

std::vector<EnsembleRecord> read_nets_record(const RunDirectory& directory) {
    const auto path = directory.nets();
    if (!std::filesystem::exists(path)) return {};
    return in_context(path.string(), [&] {
        try {
            const Json json = Json::parse(read_sealed(path));
            if (json.at("schema") != schema) throw DataError("unknown schema");
            std::vector<EnsembleRecord> records;
            for (const Json& ensemble : json.at("ensembles"))
                records.push_back(record_of(ensemble));
            return records;
        } catch (const Json::exception& error) {
            throw DataError(error.what());
        }
    });
}

}  // namespace ratiofarm
