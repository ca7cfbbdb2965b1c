#include "search_record.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "json_fields.hpp"
#include "json_text.hpp"

namespace ratiofarm {

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, SearchRecord::Rung>& value) {
    visit("objective", value.objective, JsonKey{.null = std::numeric_limits<double>::infinity()});
    visit("flop", value.flop);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, SearchRecord::Trial>& value) {
    visit("setting", value.setting);
    visit("rungs", value.rungs);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, HalvingDecision>& value) {
    visit("trial", value.what.trial);
    visit("rung", value.what.rung);
    visit("begin", value.begin);
    visit("end", value.end);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, SearchRecord>& value) {
    visit("inputs", value.inputs);
    visit("objective", value.objective);
    visit("reduction", value.reduction);
    visit("parallel", value.parallel);
    visit("processes", value.processes);
    visit("epochs", value.epochs);
    visit.nested("best", [&](Visit& inner) {
        inner("trial", value.best.trial);
        inner("rung", value.best.rung);
        if constexpr (!Visit::reading) {
            const SearchRecord::Trial& best = value.trials[value.best.trial];
            inner("objective", best.rungs[value.best.rung].objective);
            inner("setting", best.setting);
        }
    });
    visit("flop", value.flop);
    visit("grid_flop", value.grid_flop);
    visit("trials", value.trials);
    visit("decisions", value.decisions);
}

namespace {

using Json = nlohmann::ordered_json;

constexpr int search_schema = 1;

SearchRecord read_search_record(const Json& json) {
    if (json.at("schema") != search_schema) throw DataError("unknown schema");
    SearchRecord record;
    JsonReader::read(json, {}, record);
    for (const SearchRecord::Trial& trial : record.trials) {
        if (trial.rungs.size() <= record.epochs.size()) continue;
        throw DataError(fmt::format("a trial has {} rungs, but 'epochs' names {}",
                                    trial.rungs.size(), record.epochs.size()));
    }
    for (const HalvingDecision& decision : record.decisions) {
        if (decision.what.trial < record.trials.size() &&
            decision.what.rung < record.trials[decision.what.trial].rungs.size()) {
            continue;
        }
        throw DataError(fmt::format("a decision is about trial {} at rung {}, which are not there",
                                    decision.what.trial, decision.what.rung));
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
    Json json{{"schema", search_schema}};
    JsonWriter writer(json);
    fields(writer, record);
    return json_text(json, 2);
}

SearchRecord parse_search_json(const std::string& text) {
    try {
        return read_search_record(parse_record(text));
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
