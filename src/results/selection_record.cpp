#include "selection_record.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/errors.hpp"

#include "campaign/selection/plain_campaign.hpp"

#include "json_fields.hpp"

namespace ratiofarm {

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, RegionSums>& value) {
    visit("events", value.events);
    visit("sum", value.sum);
    visit("bins", value.bins);
    visit("squares", value.squares);
    visit("in_bin", value.in_bin);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, SampleSums>& value) {
    visit("sample", value.sample);
    visit("weights", value.weights);
    visit("events", value.events);
    visit("sum", value.sum);
    visit("inference_sum", value.inference_sum);
    visit("nowhere", value.nowhere);
    visit("outside", value.outside);
    visit("regions", value.regions);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, ScoreHistogram>& value) {
    visit("sample", value.sample);
    visit("weights", value.weights);
}

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

Json json_with_shares(const SampleSums& sums, const Campaign& campaign) {
    Json json = JsonWriter::json_of(sums);
    if (sums.sum == 0.0 || sums.inference_sum == 0.0) return json;
    for (std::size_t i = 0; i < sums.regions.size(); ++i) {
        json["regions"][i]["efficiency"] = efficiency(campaign, sums, i);
    }
    return json;
}

SelectionRecord read_selection_record(const Json& json) {
    if (json.at("schema") != selection_schema) {
        throw DataError(fmt::format("schema {} is unknown, must be {}", json.at("schema").dump(),
                                    selection_schema));
    }
    SelectionRecord record;
    record.campaign = json.at("campaign");
    record.inputs = Digest::from_hex(json.at("inputs").get<std::string>());
    record.rules = Digest::from_hex(json.at("rules").get<std::string>());
    JsonReader::read(json.at("samples"), {}, record.sums);
    JsonReader::read(json.at("scores"), {}, record.scores);
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
    for (const SampleSums& sums : record.sums) samples.push_back(json_with_shares(sums, campaign));
    const Json json{{"schema", selection_schema},
                    {"campaign", record.campaign},
                    {"inputs", record.inputs.hex()},
                    {"rules", record.rules.hex()},
                    {"regions", regions},
                    {"samples", samples},
                    {"scores", JsonWriter::json_of(record.scores)}};
    return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

SelectionRecord parse_selection_json(std::string_view text) {
    try {
        return read_selection_record(parse_record(text));
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
            text += line_of(process.name, find_sums(record.sums, process.events()), campaign, i);
        }
    }
    for (const ProcessSection& process : campaign.processes) {
        const SampleSums& sums = find_sums(record.sums, process.events());
        if (sums.nowhere == 0) continue;
        text += fmt::format("in no region: {} of {} events of {}\n", sums.nowhere, sums.events,
                            process.name);
    }
    return text;
}

}  // namespace ratiofarm
