#include "search_record.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "json_text.hpp"

namespace ratiofarm {
namespace {

using Json = nlohmann::ordered_json;

constexpr int search_schema = 1;

/// JSON has no infinity.
Json number_or_nan(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

double number_or_nan(const Json& value) {
    return value.is_null() ? std::numeric_limits<double>::infinity() : value.get<double>();
}

Json json_of(const SearchSetting& setting) {
    Json values = Json::object();
    for (const auto& [key, value] : setting) values[key] = value;
    return values;
}

Json json_of(const SearchRecord::Trial& trial) {
    Json rungs = Json::array();
    for (const SearchRecord::Rung& rung : trial.rungs) {
        rungs.push_back({{"objective", number_or_nan(rung.objective)}, {"flop", rung.flop}});
    }
    return {{"setting", json_of(trial.setting)}, {"rungs", rungs}};
}

SearchRecord::Trial trial_of(const Json& json) {
    SearchRecord::Trial trial;
    for (const auto& [key, value] : json.at("setting").items()) {
        trial.setting.emplace_back(key, value.get<std::string>());
    }
    for (const Json& rung : json.at("rungs")) {
        trial.rungs.push_back({number_or_nan(rung.at("objective")), rung.at("flop")});
    }
    return trial;
}

SearchRecord record_of(const Json& json) {
    if (json.at("schema") != search_schema) throw DataError("unknown schema");
    SearchRecord record;
    record.inputs = Digest::from_hex(json.at("inputs").get<std::string>());
    record.objective = json.at("objective");
    record.reduction = json.at("reduction");
    record.parallel = json.at("parallel");
    record.processes = json.at("processes").get<std::vector<std::string>>();
    record.epochs = json.at("epochs").get<std::vector<std::uint32_t>>();
    record.best = {json.at("best").at("trial"), json.at("best").at("rung")};
    record.flop = json.at("flop");
    record.grid_flop = json.at("grid_flop");
    for (const Json& trial : json.at("trials")) record.trials.push_back(trial_of(trial));
    for (const Json& decision : json.at("decisions")) {
        record.decisions.push_back({{decision.at("trial"), decision.at("rung")},
                                    decision.at("begin"),
                                    decision.at("end")});
    }
    const TrialRung best = record.best;
    if (best.trial >= record.trials.size() || best.rung >= record.trials[best.trial].rungs.size()) {
        throw DataError("the best trial is not among the trials");
    }
    return record;
}

}  // namespace

SearchRecord search_record(const SearchPlan& plan,
                           const SearchSection& section,
                           const HalvingState& state,
                           const TrialScore& score) {
    const auto best = best_trial(state, score);
    RATIOFARM_EXPECT(best.has_value());
    SearchRecord record;
    record.inputs = plan.digest;
    record.objective = objective_word(section.objective);
    record.reduction = section.reduction;
    record.parallel = section.parallel;
    record.processes = plan.processes;
    record.epochs = plan.epochs;
    for (const SearchSetting& setting : plan.settings) record.trials.push_back({setting, {}});
    for (const HalvingDecision& decision : state.decisions) {
        const TrialRung what = decision.what;
        record.trials[what.trial].rungs.push_back(
            {*score(what), plan.halving.cost_of(what.trial, what.rung)});
    }
    record.decisions = state.decisions;
    record.best = *best;
    record.flop = state.cost;
    record.grid_flop = plan.grid_flop();
    return record;
}

std::string search_json(const SearchRecord& record) {
    const SearchRecord::Trial& best = record.trials[record.best.trial];
    Json trials = Json::array();
    for (const SearchRecord::Trial& trial : record.trials) trials.push_back(json_of(trial));
    Json decisions = Json::array();
    for (const HalvingDecision& decision : record.decisions) {
        decisions.push_back({{"trial", decision.what.trial},
                             {"rung", decision.what.rung},
                             {"begin", decision.begin},
                             {"end", decision.end}});
    }
    const Json json{{"schema", search_schema},
                    {"inputs", record.inputs.hex()},
                    {"objective", record.objective},
                    {"reduction", record.reduction},
                    {"parallel", record.parallel},
                    {"processes", record.processes},
                    {"epochs", record.epochs},
                    {"best",
                     {{"trial", record.best.trial},
                      {"rung", record.best.rung},
                      {"objective", number_or_nan(best.rungs[record.best.rung].objective)},
                      {"setting", json_of(best.setting)}}},
                    {"flop", record.flop},
                    {"grid_flop", record.grid_flop},
                    {"trials", trials},
                    {"decisions", decisions}};
    return json_text(json, 2);
}

SearchRecord parse_search_json(const std::string& text) {
    try {
        return record_of(Json::parse(text));
    } catch (const Json::exception& error) {
        throw DataError(std::string("search.json: ") + error.what());
    }
}

std::vector<std::uint32_t> ranked_trials(const SearchRecord& record) {
    std::vector<std::uint32_t> order(record.trials.size());
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
        const auto& left = record.trials[a].rungs;
        const auto& right = record.trials[b].rungs;
        if (left.size() != right.size()) return left.size() > right.size();
        return !left.empty() && left.back().objective < right.back().objective;
    });
    return order;
}

std::string search_text(const SearchRecord& record, std::size_t rows) {
    std::string text =
        fmt::format("search      {} trials, {} small at rungs of {} epochs\n", record.trials.size(),
                    record.objective, fmt::join(record.epochs, ", "));
    const auto order = ranked_trials(record);
    for (std::size_t place = 0; place < std::min(rows, order.size()); ++place) {
        const SearchRecord::Trial& trial = record.trials[order[place]];
        if (trial.rungs.empty()) continue;
        text += fmt::format("{:<11} trial {:<4} {:>5} epochs  {:<12.6g}  {}\n",
                            order[place] == record.best.trial ? "best" : "", order[place],
                            record.epochs[trial.rungs.size() - 1], trial.rungs.back().objective,
                            setting_text(trial.setting));
    }
    if (rows < order.size()) text += fmt::format("            and {} more\n", order.size() - rows);
    text += fmt::format("cost        {:.3g} FLOP, {:.1f} % of all trials at all epochs\n",
                        record.flop, 100.0 * record.flop / record.grid_flop);
    return text;
}

}  // namespace ratiofarm
