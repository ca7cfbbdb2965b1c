#include "study_record.hpp"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "campaign/search/search_space.hpp"

#include "json_text.hpp"

namespace ratiofarm {
namespace {

using Json = nlohmann::ordered_json;

std::string small_name(const StudyObjective& objective) {
    return (objective.sense == Sense::max ? "-" : "") + objective.name;
}

Json rungs_json(const Study& study, const StudyTrial& trial) {
    Json rungs = Json::array();
    for (const StudyTrial::Rung& told : trial.rungs) {
        Json rung{{"epochs", study.epochs()[rungs.size()]}, {"attempt", told.attempt}};
        const auto& objectives = study.section().objectives;
        for (std::size_t i = 0; i < objectives.size(); ++i) {
            rung[objectives[i].name] = told.values.empty() ? Json() : Json(told.values[i]);
        }
        rungs.push_back(std::move(rung));
    }
    return rungs;
}

Json trials_json(const Study& study) {
    Json trials = Json::array();
    for (const StudyTrial& trial : study.trials()) {
        Json one{{"trial", trials.size()},
                 {"point", point_json(trial.setting)},
                 {"given", trial.given},
                 {"state", word_of(trial.state)},
                 {"attempts", trial.attempts.size()},
                 {"rungs", rungs_json(study, trial)}};
        if (!trial.reason.empty()) one["reason"] = trial.reason;
        trials.push_back(std::move(one));
    }
    return trials;
}

}  // namespace

std::optional<SearchRecord> study_record(const Study& study) {
    const auto best = study.best();
    if (!best) return std::nullopt;
    const StudySection& section = study.section();
    const bool two = section.objectives.size() > 1;
    SearchRecord record;
    record.objective = small_name(section.objectives.front());
    if (two) record.second_objective = small_name(section.objectives.back());
    record.work = "epochs";
    record.sampler = section.search.sampler;
    record.reduction = section.search.reduction;
    record.epochs = study.epochs();
    record.best = *best;
    std::set<SearchSetting> tried;
    for (const StudyTrial& trial : study.trials()) {
        record.given += trial.given ? 1 : 0;
        record.repeated += tried.insert(trial.setting).second ? 0 : 1;
        record.trials.push_back({trial.setting, {}});
        for (std::size_t rung = 0; rung < trial.rungs.size(); ++rung) {
            const double before = rung == 0 ? 0.0 : record.epochs[rung - 1];
            std::optional<double> second;
            if (two) second = study.score(trial.rungs[rung], 1);
            record.trials.back().rungs.push_back(
                {study.score(trial.rungs[rung], 0), second, record.epochs[rung] - before});
        }
        record.grid_flop += record.epochs.back();
    }
    for (const TrialRung& told : study.told()) {
        const double begin = record.flop;
        record.flop += record.trials[told.trial].rungs[told.rung].flop;
        record.decisions.push_back({told, begin, record.flop});
    }
    record.front = front_trials(record);
    record.importance = parameter_importance(record);
    return record;
}

std::string study_json(const Study& study, const std::optional<SearchRecord>& record) {
    constexpr int schema = 1;
    const StudySection& section = study.section();
    Json objectives = Json::object();
    for (const StudyObjective& objective : section.objectives) {
        objectives[objective.name] = word_of(objective.sense);
    }
    Json json{{"schema", schema},
              {"study", section.name},
              {"objectives", std::move(objectives)},
              {"sampler", word_of(section.search.sampler)},
              {"seed", section.seed},
              {"epochs", study.epochs()},
              {"finished", study.finished()},
              {"dropped", study.dropped()}};
    if (record) {
        json["best"] = {{"trial", record->best.trial},
                        {"epochs", study.epochs()[record->best.rung]},
                        {"point", point_json(record->trials[record->best.trial].setting)}};
        json["work"] = record->flop;
        json["front"] = record->front;
        Json importance = Json::object();
        for (const ParameterImportance& each : record->importance) {
            importance[each.key] = each.importance;
        }
        json["importance"] = std::move(importance);
    }
    json["trials"] = trials_json(study);
    return json_text(json, 2);
}

}  // namespace ratiofarm
