#include "nets_record.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/errors.hpp"

#include "campaign/ensemble_spec.hpp"
#include "core/publish.hpp"
#include "core/sealed_text.hpp"
#include "results/json_fields.hpp"

namespace ratiofarm {

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, Exclusion>& value) {
    visit("net", value.net);
    visit("gate", value.gate);
    visit("value", value.value);
    visit("allowed", value.allowed);
    visit("reason", value.text);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, EnsembleRecord>& value) {
    visit("name", value.name);
    visit("complete", value.complete);
    visit("nets", value.nets);
    visit("replaced", value.replaced);
    visit("spread", value.spread);
    visit("excluded", value.excluded);
    visit("failures", value.failures);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, TestedShape>& value) {
    visit("process", value.process);
    visit("parameter", value.parameter);
    visit("gain", value.significance.gain);
    visit("gain_error", value.significance.gain_error);
    bool none = !value.significance.significant;
    visit("none", none);
    if constexpr (Visit::reading) value.significance.significant = !none;
    visit("noise_variance", value.significance.noise_variance);
    visit("yield", value.yield);
    double information = value.yield * value.significance.noise_variance;
    visit("information", information, JsonKey{.optional = true});
}

namespace {

using Json = nlohmann::ordered_json;

constexpr int schema = 2;

EnsembleRecord record_of(const EnsembleChoice& choice) {
    EnsembleRecord record{.name = choice.name,
                          .complete = choice.complete,
                          .spread = choice.spread,
                          .excluded = choice.exclusions(),
                          .failures = choice.failures()};
    for (const SlotChoice& slot : choice.choices) {
        if (slot.state != SlotChoice::State::chosen) continue;
        record.nets += 1;
        record.replaced += slot.index > 0 ? 1 : 0;
    }
    return record;
}

/// The list under a key; nothing if there is no file.
template <class Record>
std::vector<Record> read_list(const RunDirectory& directory, const std::string& key) {
    std::vector<Record> records;
    const auto path = directory.nets();
    if (!std::filesystem::exists(path)) return records;
    const auto damaged = [&](const char* why) {
        return DataError(
            fmt::format("{}: {}; 'ratiofarm run' writes it again", path.string(), why));
    };
    try {
        const Json json = parse_record(read_sealed(path));
        if (json.at("schema") != schema) throw DataError("unknown schema");
        JsonReader::read(json.at(key), {}, records);
    } catch (const Json::exception& error) {
        throw damaged(error.what());
    } catch (const DataError& error) {
        throw damaged(error.what());
    }
    return records;
}

}  // namespace

void record_nets(const RunDirectory& directory,
                 const std::vector<EnsembleChoice>& choices,
                 const std::vector<TestedShape>& shapes) {
    std::vector<EnsembleRecord> ensembles;
    for (const EnsembleChoice& choice : choices) ensembles.push_back(record_of(choice));
    const Json json{{"schema", schema},
                    {"ensembles", JsonWriter::json_of(ensembles)},
                    {"shapes", JsonWriter::json_of(shapes)}};
    publish_if_new(directory.nets(), json.dump(2) + "\n");
}

std::vector<EnsembleRecord> read_nets_record(const RunDirectory& directory) {
    return read_list<EnsembleRecord>(directory, "ensembles");
}

std::vector<TestedShape> read_shapes_record(const RunDirectory& directory) {
    return read_list<TestedShape>(directory, "shapes");
}

TrainedNets count_trained_nets(const Campaign& campaign,
                               const JournalState& journal,
                               const std::map<std::string, Digest>& digests) {
    TrainedNets nets;
    if (!campaign.has_events()) return nets;
    nets.seconds = attempted_seconds(journal, TaskKind::training);
    const std::uint32_t folds = campaign.split.folds;
    std::map<std::string, std::uint64_t> members;  // of each fold, by ensemble
    for (const EnsembleSpec& spec : ensemble_specs(campaign)) {
        members.emplace(spec.name, spec.members);
        nets.planned += std::max(folds, 1U) * std::uint64_t{spec.members};
    }
    for (const auto& [name, task] : journal.latest) {
        const TaskCommitted& event = journal.committed.at(task);
        const TaskIdentity& which = event.identity;
        if (which.kind != TaskKind::training) continue;
        const auto ensemble = members.find(which.family);
        const bool planned = ensemble != members.end() && which.replacement == 0 &&
                             which.folds == folds && which.fold < std::max(folds, 1U);
        if (planned || which.replacement > 0) nets.seconds += event.result.seconds;
        const auto now = digests.find(name);
        if (!planned || (now != digests.end() && now->second != task)) continue;
        const std::uint64_t end = std::uint64_t{which.first} + which.nets;
        const std::uint64_t last = std::min(end, ensemble->second);
        nets.trained += last - std::min<std::uint64_t>(which.first, last);
    }
    return nets;
}

}  // namespace ratiofarm
