// What a study is asked and told, and what it answers, as texts of JSON.
#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "campaign/file/table_reader.hpp"

#include "search_space.hpp"
#include "study.hpp"

namespace ratiofarm {
namespace {

using Json = nlohmann::ordered_json;
using State = StudyTrial::State;

constexpr std::string_view protocol = "ratiofarm-hpo/1";

[[noreturn]] void refuse(const std::string& key, const Json& value, const std::string& why) {
    throw ConfigError(key + " = " + value.dump() + " (" + why + ")");
}

/// \throws ConfigError for a member that nobody knows
void expect_members(const std::string& of, const Json& object, std::vector<std::string> known) {
    if (!object.is_object()) refuse(of, object, "must be an object");
    for (const auto& [key, value] : object.items()) {
        if (std::ranges::count(known, key) > 0) continue;
        std::string unknown = of;
        unknown.append(".").append(key).append(" (unknown key").append(known_names(key, known));
        throw ConfigError(unknown.append(")"));
    }
}

const Json& member(const std::string& of, const Json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end()) throw ConfigError(of + "." + key + " is missing");
    return *found;
}

std::uint64_t whole(const std::string& name, const Json& value, const WholeLimits& limits) {
    if (value.is_number_unsigned()) {
        const auto number = value.get<std::uint64_t>();
        if (number >= limits.low && number <= limits.high) return number;
    }
    refuse(name, value, "must be " + limits.text());
}

/// \param value  of an objective, as reported; null: the trial failed
std::optional<double> reported(const std::string& name, const Json& value) {
    if (value.is_null()) return std::nullopt;
    if (!value.is_number()) refuse(name, value, "must be a finite number, or null for a failure");
    return value.get<double>();
}

}  // namespace

Study::Answer Study::answer(const std::string& client,
                            std::string_view text,
                            std::uint64_t most_trials) {
    Answer answer;
    Json seq;
    try {
        const Json request = parse_foreign_json(text);
        if (!request.is_object()) throw ConfigError("must be an object of JSON");
        const bool greeting = request.contains("hello");
        if (!greeting || request.contains("seq")) {
            constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();
            seq = whole("seq", member("request", request, "seq"), {0, largest});
        }
        const auto key = std::pair(client, seq.is_null() ? 0 : seq.get<std::uint64_t>());
        const auto known = kept_.find(key);
        if (!seq.is_null() && known != kept_.end()) {
            if (known->second.request == request.dump()) return {known->second.answer};
            refuse("seq", seq, "was another request of this client, " + known->second.request);
        }
        Json object = seq.is_null() ? Json::object() : Json{{"seq", seq}};
        object.update(reply(client, request, most_trials, answer));
        answer.text = object.dump();
        if (answer.changed) kept_.insert_or_assign(key, Kept{request.dump(), answer.text});
        return answer;
    } catch (const ConfigError& problem) {
        RATIOFARM_EXPECT(!answer.changed);
        return {Json{{"seq", seq}, {"error", problem.what()}}.dump()};
    }
}

Study::Json Study::reply(const std::string& client,
                         const Json& request,
                         std::uint64_t most_trials,
                         Answer& answer) {
    constexpr std::array verbs{"hello",   "ask",  "report", "fail", "renew",
                               "enqueue", "best", "status", "bye"};
    std::vector<std::string> known{"seq"};
    const char* verb = nullptr;
    for (const char* each : verbs) {
        known.emplace_back(each);
        if (!request.contains(each)) continue;
        if (verb != nullptr) {
            throw ConfigError(std::string("a request has one of ") + verb + " and " + each);
        }
        verb = each;
    }
    if (request.contains("hello")) known.insert(known.end(), {"client", "protocol"});
    expect_members("request", request, known);
    if (verb == nullptr) throw ConfigError("the request asks for nothing; it may ask, report, ...");
    const Json& what = request[verb];
    const std::string_view word = verb;
    if (word == "hello") return welcome(request);
    if (word == "ask") {
        Json trials = ask(client, what, most_trials);
        answer.changed = !trials["trials"].empty();
        return trials;
    }
    if (word == "report") return report(what, answer);
    if (word == "fail") return fail(what, answer);
    if (word == "renew") return renew(what, answer);
    if (word == "enqueue") {
        Json done = enqueue(what);
        answer.changed = done["enqueued"] != 0;
        return done;
    }
    if (word == "bye") return bye(client, answer);
    return word == "best" ? best_json() : status_json();
}

Study::Json Study::welcome(const Json& request) const {
    const Json spoken = request.value("protocol", Json(protocol));
    if (spoken != Json(protocol)) {
        refuse("protocol", spoken, "this service speaks " + std::string(protocol));
    }
    Json objectives = Json::array();
    for (const StudyObjective& objective : section_.objectives) {
        objectives.push_back({{"name", objective.name}, {"sense", word_of(objective.sense)}});
    }
    return {{"welcome", 1},
            {"study", section_.name},
            {"protocol", protocol},
            {"space", space_json(section_.search)},
            {"objectives", std::move(objectives)},
            {"rungs", epochs_},
            {"epochs", section_.epochs}};
}

Study::Json Study::ask(const std::string& client, const Json& count, std::uint64_t most) {
    const std::uint64_t wanted = std::min(whole("ask", count, {1, most_asked}), most);
    Json trials = Json::array();
    while (trials.size() < wanted) {
        const auto number = give_out(client);
        if (!number) break;
        trials.push_back(trial_json(*number));
    }
    const bool none = trials.empty();
    Json answer{{"trials", std::move(trials)}};
    if (none && finished()) {
        answer["finished"] = true;
    } else if (none) {
        answer["retry_s"] = section_.retry_seconds;
    }
    return answer;
}

Study::Json Study::trial_json(std::uint32_t number) const {
    const StudyTrial& trial = trials_[number];
    Json resume;
    if (!trial.rungs.empty()) {
        resume = {{"attempt", trial.rungs.back().attempt},
                  {"epochs", epochs_[trial.rungs.size() - 1]}};
    }
    return {{"trial", number},
            {"attempt", trial.attempt()},
            {"point", point_json(trial.setting)},
            {"rung", trial.rungs.size()},
            {"until", epochs_[trial.rungs.size()]},
            {"resume", std::move(resume)},
            {"lease_s", section_.lease_seconds}};
}

Study::Named Study::named(const Json& what) {
    const Json& trial = member("request", what, "trial");
    if (trials_.empty()) refuse("trial", trial, "no trial has begun");
    const std::uint64_t number = whole("trial", trial, {0, trials_.size() - 1});
    StudyTrial& found = trials_[number];
    const std::uint64_t attempt =
        whole("attempt", member("request", what, "attempt"), {1, found.attempt()});
    return {found, {static_cast<std::uint32_t>(number), static_cast<std::uint32_t>(attempt)}};
}

/// Empty if the trial failed.
std::vector<double> Study::values_of(const Json& values) const {
    std::vector<std::string> names;
    for (const StudyObjective& objective : section_.objectives) names.push_back(objective.name);
    expect_members("values", values, names);
    std::vector<double> all;
    for (const std::string& name : names) {
        const auto value = reported("values." + name, member("values", values, name.c_str()));
        if (value) all.push_back(*value);
    }
    if (all.size() < names.size()) all.clear();
    return all;
}

Study::Json Study::report(const Json& what, Answer& answer) {
    expect_members("report", what, {"trial", "attempt", "rung", "values"});
    const auto [trial, lease] = named(what);
    const std::uint64_t rung =
        whole("rung", member("report", what, "rung"), {0, trial.attempts[lease.attempt - 1]});
    std::vector<double> values = values_of(member("report", what, "values"));
    if (rung < trial.rungs.size()) {
        const StudyTrial::Rung& known = trial.rungs[rung];
        if (known.attempt != lease.attempt) {
            ++dropped_;
            answer.changed = true;
        } else if (known.values != values) {
            refuse("values", what["values"],
                   "this attempt has reported rung " + std::to_string(rung) +
                       " with other values: it is not deterministic, or somebody else speaks");
        }
    } else {
        const bool mine = is_out(lease);
        end_rung(lease, std::move(values));
        if (mine && trial.state == State::paused && may_go_on(lease.trial)) {
            trial.state = State::running;
            trial.attempts.back() = static_cast<std::uint32_t>(trial.rungs.size());
        }
        answer.changed = true;
    }
    if (is_out(lease)) answer.alive = lease;
    return decision(lease);
}

Study::Json Study::fail(const Json& what, Answer& answer) {
    expect_members("fail", what, {"trial", "attempt", "reason"});
    const auto [trial, lease] = named(what);
    const Json& reason = member("fail", what, "reason");
    if (!reason.is_string()) refuse("reason", reason, "must be a text");
    answer.changed = true;
    if (is_out(lease)) {
        trial.reason = reason.get<std::string>();
        end_rung(lease, {});
    } else {
        ++dropped_;
    }
    return decision(lease);
}

Study::Json Study::renew(const Json& what, Answer& answer) {
    expect_members("renew", what, {"trial", "attempt"});
    const Lease lease = named(what).lease;
    if (is_out(lease)) answer.alive = lease;
    return target_reached() ? Json{{"decision", "stop"}} : decision(lease);
}

/// What the trainer of an attempt does next. It does not depend on the target, which may be another
/// when the books are read again.
Study::Json Study::decision(const Lease& lease) const {
    const StudyTrial& trial = trials_[lease.trial];
    if (is_out(lease)) {
        return {{"decision", "continue"}, {"until", epochs_[trial.rungs.size()]}};
    }
    return {{"decision", trial.state == State::paused ? "pause" : "stop"}};
}

Study::Json Study::enqueue(const Json& points) {
    std::vector<SearchSetting> settings;
    try {
        settings = settings_of_json(section_.search, points);
    } catch (ConfigError& problem) {
        problem.prepend("enqueue");
        throw;
    }
    const std::size_t taken = trials_.size() + queue_.size();
    const std::size_t all = std::max<std::size_t>(section_.search.trials, taken);  // may be lowered
    const std::size_t left = all - taken;
    if (!settings.empty() && trials_.size() < section_.search.trials && !may_begin()) {
        throw ConfigError(
            "enqueue: search.cost_limit is reached, no more trials begin; raise it in the study "
            "file");
    }
    if (settings.size() > left) {
        throw ConfigError("enqueue: " + std::to_string(settings.size()) + " points, and " +
                          std::to_string(left) +
                          " more trials may begin; raise search.trials in the study file");
    }
    queue_.insert(queue_.end(), settings.begin(), settings.end());
    return {{"enqueued", settings.size()}};
}

/// What a client leaves goes to others at once, as far as their attempts reach.
Study::Json Study::bye(const std::string& client, Answer& answer) {
    for (const Lease& lease : leases()) {
        if (trials_[lease.trial].client != client) continue;
        answer.changed = lose(lease) || answer.changed;
    }
    return {{"bye", 1}};
}

Study::Json Study::best_json() const {
    const auto found = best();
    if (!found) return {{"best", nullptr}};
    const StudyTrial& trial = trials_[found->trial];
    Json values = Json::object();
    for (std::size_t i = 0; i < section_.objectives.size(); ++i) {
        values[section_.objectives[i].name] = trial.rungs[found->rung].values[i];
    }
    return {{"best",
             {{"trial", found->trial},
              {"point", point_json(trial.setting)},
              {"epochs", epochs_[found->rung]},
              {"values", std::move(values)}}}};
}

Study::Json Study::status_json() const {
    Json status{{"trials", section_.search.trials}, {"begun", trials_.size()}};
    for (const std::string& word : words_of<State>()) status[word] = 0U;
    for (const StudyTrial& trial : trials_) {
        Json& count = status[word_of(trial.state)];
        count = count.get<std::uint64_t>() + 1;
    }
    status["given"] = queue_.size();
    status["dropped"] = dropped_;
    status["finished"] = finished();
    return {{"status", std::move(status)}};
}

}  // namespace ratiofarm
