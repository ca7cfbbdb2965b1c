#include "selection_record.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "campaign/selection/resolved_campaign.hpp"
#include "ratiofarm/core/errors.hpp"

namespace ratiofarm {
namespace {

using Json = nlohmann::ordered_json;

constexpr int selection_schema = 1;

const char* word(SelectionRegion::Kind kind) {
    switch (kind) {
        case SelectionRegion::Kind::trained: return "unbinned";
        case SelectionRegion::Kind::thin: return "thin";
        case SelectionRegion::Kind::binned: return "binned";
    }
    return "";
}

Json json_of(const RegionSums& region) {
    return {{"events", region.events},
            {"sum", region.sum},
            {"bins", region.bins},
            {"squares", region.squares},
            {"in_bin", region.in_bin}};
}

RegionSums region_of(const Json& json) {
    return {.events = json.at("events"),
            .sum = json.at("sum"),
            .bins = json.at("bins"),
            .squares = json.at("squares"),
            .in_bin = json.at("in_bin")};
}

Json json_of(const SampleSums& sums, const Campaign& campaign) {
    Json regions = Json::array();
    for (std::size_t i = 0; i < sums.regions.size(); ++i) {
        regions.push_back(json_of(sums.regions[i]));
        if (sums.sum != 0.0 && sums.inference_sum != 0.0)
            regions.back()["efficiency"] = efficiency(campaign, sums, i);
    }
    return {{"sample", sums.sample},
            {"weights", sums.weights},
            {"events", sums.events},
            {"sum", sums.sum},
            {"inference_sum", sums.inference_sum},
            {"nowhere", sums.nowhere},
            {"outside", sums.outside},
            {"regions", regions}};
}

SampleSums sums_of(const Json& json) {
    SampleSums sums{.sample = json.at("sample"),
                    .weights = json.at("weights"),
                    .events = json.at("events"),
                    .sum = json.at("sum"),
                    .inference_sum = json.at("inference_sum"),
                    .nowhere = json.at("nowhere"),
                    .outside = json.at("outside"),
                    .regions = {}};
    for (const Json& region : json.at("regions")) sums.regions.push_back(region_of(region));
    return sums;
}

SelectionRecord selection_of(const Json& json) {
    if (json.at("schema") != selection_schema) {
        throw DataError(
            fmt::format("schema {} is unknown, must be {}", json.at("schema").dump(), selection_schema));
    }
    SelectionRecord record;
    record.campaign = json.at("campaign");
    record.inputs = Digest::from_hex(json.at("inputs").get<std::string>());
    record.rules = Digest::from_hex(json.at("rules").get<std::string>());
    for (const Json& sums : json.at("samples")) record.sums.push_back(sums_of(sums));
    for (const Json& score : json.at("scores")) {
        record.scores.push_back({score.at("sample"), score.at("weights")});
    }
    return record;
}

std::string line_of(const std::string& who,
                    const SampleSums& sums,
                    const Campaign& campaign,
                    std::size_t region) {
    const RegionSums& counted = sums.regions[region];
    return fmt::format("  {:<16} {:>10} events, {:6.2f} % of the weights\n", who, counted.events,
                       100.0 * efficiency(campaign, sums, region));
}

}  // namespace

std::size_t score_bin(double score) {
    const double at = (score + score_limit) / (2.0 * score_limit) * score_bins;
    if (!(at > 0.0)) return 0;
    return std::min(static_cast<std::size_t>(std::min(at, 1e6)), score_bins - 1);
}

std::string selection_json(const SelectionRecord& record, const Campaign& campaign) {
    Json regions = Json::array();
    for (const SelectionRegion& region : selection_regions(campaign)) {
        regions.push_back({{"name", region.name}, {"kind", word(region.kind)}});
    }
    Json samples = Json::array();
    for (const SampleSums& sums : record.sums) samples.push_back(json_of(sums, campaign));
    Json scores = Json::array();
    for (const ScoreHistogram& score : record.scores) {
        scores.push_back({{"sample", score.sample}, {"weights", score.weights}});
    }
    const Json json{{"schema", selection_schema},
                    {"campaign", record.campaign},
                    {"inputs", record.inputs.hex()},
                    {"rules", record.rules.hex()},
                    {"regions", regions},
                    {"samples", samples},
                    {"scores", scores}};
    return json.dump(1) + "\n";
}

SelectionRecord parse_selection_json(std::string_view text) {
    try {
        return selection_of(Json::parse(text));
    } catch (const Json::exception& error) {
        throw DataError(std::string("is not a record of a selection: ") + error.what());
    }
}

std::string selection_text(const SelectionRecord& record, const Campaign& campaign) {
    const auto regions = selection_regions(campaign);
    std::string text;
    for (std::size_t i = 0; i < regions.size(); ++i) {
        text += fmt::format("{} ({})\n", regions[i].name,
                            regions[i].kind == SelectionRegion::Kind::thin
                                ? "reference too thin, counted in one bin"
                                : word(regions[i].kind));
        for (const ProcessSection& process : campaign.processes) {
            text += line_of(process.name, find_sums(record.sums, process.sample), campaign, i);
        }
    }
    for (const ProcessSection& process : campaign.processes) {
        const SampleSums& sums = find_sums(record.sums, process.sample);
        if (sums.nowhere == 0) continue;
        text += fmt::format("in no region: {} of {} events of {}\n", sums.nowhere, sums.events,
                            process.name);
    }
    return text;
}

}  // namespace ratiofarm
