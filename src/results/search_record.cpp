#include "search_record.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <numeric>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "campaign/search/nsga2.hpp"

#include "json_fields.hpp"
#include "json_text.hpp"

namespace ratiofarm {

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, SearchRecord::Rung>& value) {
    visit("objective", value.objective, JsonKey{.null = std::numeric_limits<double>::infinity()});
    visit("second", value.second, JsonKey{.null = std::numeric_limits<double>::infinity()});
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
void fields(Visit& visit, MemberOf<Visit, ParameterImportance>& value) {
    visit("key", value.key);
    visit("importance", value.importance);
}

template <class Visit>
void fields(Visit& visit, MemberOf<Visit, SearchRecord>& value) {
    visit("inputs", value.inputs);
    visit("objective", value.objective);
    visit("second_objective", value.second_objective);
    visit("sampler", value.sampler);
    visit("given", value.given);
    visit("dropped", value.dropped);
    visit("repeated", value.repeated);
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
    visit("front", value.front);
    visit("importance", value.importance);
    visit("trials", value.trials);
    visit("decisions", value.decisions);
}

namespace {

using Json = nlohmann::ordered_json;

constexpr int search_schema = 2;

/// Schema 1 knew random settings and one objective only.
void complete_schema_1(Json& json) {
    json["second_objective"] = SearchRecord().second_objective;
    json["sampler"] = word_of(SearchSampler::random);
    for (const char* number : {"given", "dropped", "repeated"}) json[number] = 0U;
    json["front"] = json["importance"] = Json::array();
}

SearchRecord read_search_record(Json json) {
    const bool first = json.at("schema") == 1;
    if (!first && json.at("schema") != search_schema) throw DataError("unknown schema");
    if (first) complete_schema_1(json);
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
    for (const std::uint32_t trial : record.front) {
        if (trial < record.trials.size() && !record.trials[trial].rungs.empty()) continue;
        throw DataError(fmt::format("trial {} of the front is not there", trial));
    }
    if (first) record.importance = parameter_importance(record);
    return record;
}

}  // namespace

SearchRecord search_record(const SearchPlan& plan,
                           const SearchSection& section,
                           const HalvingState& state,
                           const SearchScores& scores) {
    const auto best = best_trial(state, scores.objective);
    RATIOFARM_EXPECT(best.has_value());
    SearchRecord record;
    record.inputs = plan.digest;
    record.objective = objective_word(section.objective);
    record.reduction = section.reduction;
    record.parallel = section.parallel;
    record.processes = plan.processes;
    record.epochs = plan.epochs;
    record.second_objective = word_of(section.second_objective);
    record.sampler = section.sampler;
    record.given = static_cast<std::uint32_t>(section.points.size());
    std::set<SearchSetting> tried;
    for (const HalvingDecision& decision : state.decisions) {
        const TrialRung what = decision.what;
        if (what.rung == 0) {  // trials begin in order
            record.trials.push_back({plan.settings[what.trial], {}});
            if (!tried.insert(plan.settings[what.trial]).second) ++record.repeated;
        }
        SearchRecord::Trial& trial = record.trials[what.trial];
        const double flop = plan.halving.cost_of(what.trial, what.rung);
        const auto second = scores.second ? scores.second(what) : std::nullopt;
        trial.rungs.push_back({*scores.objective(what), second, flop});
    }
    record.given = std::min(record.given, static_cast<std::uint32_t>(record.trials.size()));
    record.decisions = state.decisions;
    record.best = *best;
    record.flop = state.cost;
    record.grid_flop = plan.grid_flop(record.trials.size());
    record.front = front_trials(record);
    record.importance = parameter_importance(record);
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

std::vector<std::uint32_t> front_trials(const SearchRecord& record) {
    std::vector<std::uint32_t> trials;
    std::vector<std::pair<double, double>> points;
    for (std::uint32_t trial = 0; trial < record.trials.size(); ++trial) {
        const auto& rungs = record.trials[trial].rungs;
        if (rungs.size() != record.best.rung + std::size_t{1} || !rungs.back().second) continue;
        if (!std::isfinite(rungs.back().objective) || !std::isfinite(*rungs.back().second))
            continue;
        trials.push_back(trial);
        points.emplace_back(rungs.back().objective, *rungs.back().second);
    }
    std::vector<std::uint32_t> front;
    for (const std::size_t i : pareto_front(points)) front.push_back(trials[i]);
    return front;
}

namespace {

/// Trials with a finite objective at the first rung, and the bin that each has of one parameter.
struct BinnedTrials {
    std::vector<double> objective;
    std::vector<std::size_t> bin;
};

/// A value as something that can be ordered: numbers by their size, before texts.
using OrderedValue = std::pair<double, std::string>;

OrderedValue ordered_value(const std::string& text) {
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    if (end == text.c_str() + text.size() && std::isfinite(number)) return {number, {}};
    return {std::numeric_limits<double>::max(), text};
}

BinnedTrials binned_by(const SearchRecord& record, const std::string& key) {
    BinnedTrials trials;
    std::vector<OrderedValue> values;
    std::vector<std::size_t> used;
    for (const SearchRecord::Trial& trial : record.trials) {
        if (trial.rungs.empty() || !std::isfinite(trial.rungs.front().objective)) continue;
        const std::string* value = value_of(trial.setting, key);
        if (value != nullptr) {
            used.push_back(trials.objective.size());
            values.push_back(ordered_value(*value));
        }
        trials.objective.push_back(trial.rungs.front().objective);
    }
    constexpr std::size_t most_bins = 10;
    constexpr std::size_t least_trials = 3;
    const std::size_t bins = std::clamp<std::size_t>(used.size() / least_trials, 1, most_bins);
    trials.bin.assign(trials.objective.size(), values.size());  // not used
    std::vector<OrderedValue> distinct = values;
    std::ranges::sort(distinct);
    const std::vector<OrderedValue> sorted = distinct;
    distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
    for (std::size_t i = 0; i < used.size(); ++i) {
        const auto& among = distinct.size() <= bins ? distinct : sorted;
        const auto place =
            static_cast<std::size_t>(std::ranges::lower_bound(among, values[i]) - among.begin());
        trials.bin[used[i]] = distinct.size() <= bins ? place : place * bins / sorted.size();
    }
    return trials;
}

double explained(const BinnedTrials& trials) {
    std::map<std::size_t, std::vector<double>> bins;
    for (std::size_t i = 0; i < trials.bin.size(); ++i) {
        bins[trials.bin[i]].push_back(trials.objective[i]);
    }
    const auto squares = [](const std::vector<double>& values) {
        const double mean =
            std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
        double sum = 0.0;
        for (const double value : values) sum += (value - mean) * (value - mean);
        return sum;
    };
    double within = 0.0;
    for (const auto& [bin, values] : bins) within += squares(values);
    const std::size_t n = trials.objective.size();
    if (bins.size() < 2 || n <= bins.size()) return 0.0;
    const double all = squares(trials.objective) / static_cast<double>(n - 1);
    if (!(all > 0.0) || !std::isfinite(all)) return 0.0;
    return std::max(0.0, 1.0 - within / static_cast<double>(n - bins.size()) / all);
}

/// The keys that any trial has, in the order in which they come.
std::vector<std::string> keys_of(const SearchRecord& record) {
    std::vector<std::string> keys;
    for (const SearchRecord::Trial& trial : record.trials) {
        for (const auto& [key, value] : trial.setting) {
            if (std::ranges::count(keys, key) == 0) keys.push_back(key);
        }
    }
    return keys;
}

/// Text as a field of a CSV file: quoted where it must be.
std::string csv_field(const std::string& text) {
    if (text.find_first_of(",\"\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + "\"";
}

}  // namespace

std::vector<ParameterImportance> parameter_importance(const SearchRecord& record) {
    std::vector<ParameterImportance> all;
    for (const std::string& key : keys_of(record)) {
        all.push_back({key, explained(binned_by(record, key))});
    }
    return all;
}

std::string search_csv(const SearchRecord& record) {
    const std::vector<std::string> keys = keys_of(record);
    std::string text = "trial";
    for (const std::string& key : keys) text += "," + csv_field(key);
    for (const std::uint32_t epochs : record.epochs) {
        text += "," + csv_field(fmt::format("{} after {} epochs", record.objective, epochs));
    }
    const bool two = has_two_objectives(record);
    if (two) text += "," + csv_field(record.second_objective);
    text += "," + record.work + "\n";
    for (std::size_t number = 0; number < record.trials.size(); ++number) {
        const SearchRecord::Trial& trial = record.trials[number];
        text += std::to_string(number);
        for (const std::string& key : keys) {
            const std::string* value = value_of(trial.setting, key);
            text += "," + (value == nullptr ? std::string() : csv_field(*value));
        }
        double flop = 0.0;
        for (std::size_t rung = 0; rung < record.epochs.size(); ++rung) {
            text += ",";
            if (rung >= trial.rungs.size()) continue;
            text += fmt::format("{}", trial.rungs[rung].objective);
            flop += trial.rungs[rung].flop;
        }
        if (two && !trial.rungs.empty() && trial.rungs.back().second) {
            text += fmt::format(",{}", *trial.rungs.back().second);
        } else if (two) {
            text += ",";
        }
        text += fmt::format(",{}\n", flop);
    }
    return text;
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
    if (!record.front.empty()) {
        text += fmt::format("front       of {} and {}: trials {}\n", record.objective,
                            record.second_objective, fmt::join(record.front, ", "));
    }
    text += "importance ";
    for (const ParameterImportance& each : record.importance) {
        text += fmt::format(" {} {:.0f} %", each.key, 100.0 * each.importance);
    }
    text += "\n";
    if (record.dropped > 0) {
        text += fmt::format("dropped     {} points that were not asked for\n", record.dropped);
    }
    if (record.repeated > 0) {
        text += fmt::format("repeated    {} trials have the setting of an earlier one\n",
                            record.repeated);
    }
    text += fmt::format("cost        {} of all trials at all epochs\n", work_text(record));
    return text;
}

std::string work_text(const SearchRecord& record) {
    return fmt::format("{:.3g} {}, {:.1f} %", record.flop,
                       record.work == "flop" ? "FLOP" : record.work,
                       100.0 * record.flop / record.grid_flop);
}

}  // namespace ratiofarm
