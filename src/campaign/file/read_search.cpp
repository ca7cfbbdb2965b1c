// [search]: which keys of [network] and [training] are searched, and how.
#include "read_search.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "ratiofarm/core/errors.hpp"

#include "campaign/search/samplers.hpp"
#include "campaign/search/search_plan.hpp"

#include "section_readers.hpp"

namespace ratiofarm {
namespace {

/// Keys of the nets. Those that are not searched say how the work is done, or how much of it: no
/// trial may differ in them.
std::vector<std::string> keys_of_nets(bool searched) {
    std::vector<std::string> keys;
    const auto add_to = [&](const std::string& section) {
        return [&keys, section, searched](std::string_view name, const auto&, const Key& key) {
            if (!key.in_campaign || key.searched != searched) return;
            keys.push_back(section + "." + std::string(name));
        };
    };
    Campaign campaign;
    campaign.network.kind = NetworkKind::transformer;  // which has all keys
    for_each_field(campaign.network, add_to("network"));
    for_each_field(campaign.training, add_to("training"));
    if (searched) keys.emplace_back(members_key);
    return keys;
}

/// A searched key with its value, whether written "training.batch" or training.batch.
std::vector<ConfigMember> searched_members(const ConfigNode::Table& table) {
    std::vector<ConfigMember> members;
    for (const ConfigMember& member : table) {
        const auto* inner = member.value.get_if<ConfigNode::Table>();
        if (inner == nullptr ||
            (member.key != "network" && member.key != "training" && member.key != "ensemble")) {
            members.push_back(member);
            continue;
        }
        for (const ConfigMember& key : *inner) {
            members.push_back({member.key + "." + key.key, key.position, key.value});
        }
    }
    return members;
}

bool read_choices(const TableReader& table, SearchParameter& parameter) {
    const auto* items = table.find("choice")->get_if<ConfigNode::Array>();
    if (items == nullptr || items->empty()) {
        table.wrong("choice", "must be an array of values in brackets, not empty");
        return false;
    }
    for (const ConfigNode& item : *items) {
        parameter.choices.push_back(value_text(item));
        const auto same = std::ranges::count(parameter.choices, parameter.choices.back());
        if (same == 2) table.wrong("choice", parameter.choices.back() + " is listed twice");
    }
    return true;
}

/// `when`: another searched key with the values for which this one is used.
void read_when(const TableReader& table, SearchParameter& parameter) {
    const ConfigNode* node = table.find("when");
    if (node == nullptr) return;
    const auto* keys = node->get_if<ConfigNode::Table>();
    const auto* values = keys == nullptr || keys->size() != 1
                             ? nullptr
                             : keys->front().value.get_if<ConfigNode::Array>();
    if (values == nullptr || values->empty()) {
        table.wrong("when",
                    "must be a table of one searched key with values in brackets, such as { "
                    "\"training.schedule\" = [\"step\"] }");
        return;
    }
    parameter.when_key = keys->front().key;
    for (const ConfigNode& value : *values) parameter.when_values.push_back(value_text(value));
}

/// Those that `when` names must be there.
/// \param given  all parameters, also those that could not be read
void check_when(const TableReader& table,
                const ConfigNode::Table& given,
                const SearchSection& search) {
    const Position at = table.find("parameters")->position;
    for (const SearchParameter& parameter : search.parameters) {
        if (parameter.when_values.empty()) continue;
        const std::string path = "search.parameters.\"" + parameter.key + "\".when";
        const auto other =
            std::ranges::find(search.parameters, parameter.when_key, &SearchParameter::key);
        if (other == search.parameters.end() &&
            std::ranges::count(given, parameter.when_key, &ConfigMember::key) > 0) {
            continue;
        }
        if (other == search.parameters.end() || other->kind != SearchKind::choice ||
            !other->when_values.empty()) {
            table.mistakes().add(at, path + ": '" + parameter.when_key +
                                         "' must be a searched key with a choice, without a 'when' "
                                         "of its own");
            continue;
        }
        for (const std::string& value : parameter.when_values) {
            if (std::ranges::count(other->choices, value) > 0) continue;
            table.mistakes().add(at, path + ": " + value + " is no choice of '" +
                                         parameter.when_key + "'" +
                                         known_names(value, other->choices));
        }
    }
}

bool read_search_range(const TableReader& table, SearchParameter& parameter) {
    const std::string word = word_of(parameter.kind);
    constexpr double largest = 1e15;  // whole numbers up to here are exact
    NumberLimits limits{.low = -largest, .high = largest};
    if (is_logarithmic(parameter.kind))
        limits = {.low = 0.0, .high = largest, .low_allowed = false};
    std::vector<double> ends;
    if (!table.numbers(word, limits, ends)) return false;
    const auto whole = [](double end) { return end == static_cast<double>(std::int64_t(end)); };
    if (ends.size() != 2 || !(ends[0] < ends[1])) {
        table.wrong(word, "must be [low, high] with low < high");
    } else if (is_whole(parameter.kind) && !(whole(ends[0]) && whole(ends[1]))) {
        table.wrong(word, "must be whole numbers");
    } else {
        parameter.low = ends[0];
        parameter.high = ends[1];
        return true;
    }
    return false;
}

/// Why a key cannot be searched; empty: it can.
std::string no_searched_key(const std::string& key, SearchedKeys keys) {
    if (keys == SearchedKeys::any) {
        return is_plain_name(key) ? "" : " (must be " + std::string(plain_name_rule) + ")";
    }
    const auto known = keys_of_nets(true);
    if (std::ranges::count(keys_of_nets(false), key) > 0) {
        return " (every trial has the campaign's " + key + "; it cannot be searched)";
    }
    if (std::ranges::count(known, key) > 0) return "";
    return " (no key of [network] or [training]" + known_names(key, known) + ")";
}

/// \return whether it can be drawn from
bool read_search_parameter(const ConfigMember& member,
                           SearchedKeys keys,
                           Mistakes& mistakes,
                           SearchParameter& parameter) {
    const std::string path = "search.parameters.\"" + member.key + "\"";
    parameter.key = member.key;
    if (const std::string why = no_searched_key(member.key, keys); !why.empty()) {
        mistakes.add(member.position, path + why);
        return false;
    }
    const std::size_t before = mistakes.size();
    const TableReader table(&member.value, "search.parameters.KEY", path, mistakes);
    if (mistakes.size() > before) return false;
    std::vector<SearchKind> kinds;
    for (const ConfigMember& key : *member.value.get_if<ConfigNode::Table>()) {
        if (const auto kind = enumerator_of<SearchKind>(key.key)) kinds.push_back(*kind);
    }
    if (kinds.size() != 1) {
        mistakes.wrong(member.value, path,
                       "must have one of uniform, log_uniform, integer, log_integer or choice, "
                       "such as { choice = [256, 1024] }");
        return false;
    }
    read_when(table, parameter);
    parameter.kind = kinds.front();
    return parameter.kind == SearchKind::choice ? read_choices(table, parameter)
                                                : read_search_range(table, parameter);
}

/// What the keys of the nets say about one setting.
Mistakes mistakes_of(const ConfigNode& root,
                     const Campaign& campaign,
                     const SearchSetting& setting) {
    Mistakes mistakes;
    Campaign trial;
    trial.events = campaign.events;
    read_nets_with(root, setting, trial, mistakes);
    return mistakes;
}

std::string first_of(const Mistakes& mistakes) {
    const std::string line = mistakes.lines("").front();
    return line.substr(line.find_first_not_of(":0123456789 "));
}

/// Values that no trial need draw, but might: the ends of ranges, all choices.
std::vector<std::string> extreme_values(const SearchParameter& parameter) {
    if (parameter.kind == SearchKind::choice) return parameter.choices;
    const bool whole = is_whole(parameter.kind);
    std::vector<std::string> values;
    for (const double end : {parameter.low, parameter.high}) {
        values.push_back(whole ? std::to_string(static_cast<std::int64_t>(end))
                               : value_text({end, {}}));
    }
    return values;
}

/// A value is allowed if it is with what some trial has drawn for the other keys.
void check_values(const ConfigNode& root, const Campaign& campaign, Mistakes& mistakes) {
    const SearchSection& search = *campaign.search;
    const std::uint32_t looks = std::min(search.trials, 30U);
    for (std::size_t i = 0; i < search.parameters.size(); ++i) {
        const std::string& key = search.parameters[i].key;
        for (const std::string& value : extreme_values(search.parameters[i])) {
            std::string why;
            for (std::uint32_t trial = 0; trial < looks; ++trial) {
                SearchSetting setting = outlined_setting(campaign, trial);
                const auto at = std::ranges::find(setting, key, &SearchSetting::value_type::first);
                if (at == setting.end()) continue;  // not used with what was drawn
                at->second = value;
                const Mistakes found = mistakes_of(root, campaign, setting);
                why = found.empty() ? "" : first_of(found);
                if (why.empty()) break;
            }
            if (why.empty()) continue;
            mistakes.add(root.find("search")->value.find("parameters")->position,
                         "search.parameters.\"" + key + "\": " + why);
        }
    }
}

/// Checks every setting that will be tried; the first that is not allowed is reported.
void check_trials(const ConfigNode& root, const Campaign& campaign, Mistakes& mistakes) {
    for (std::uint32_t trial = 0; trial < campaign.search->trials; ++trial) {
        const SearchSetting setting = outlined_setting(campaign, trial);
        const Mistakes found = mistakes_of(root, campaign, setting);
        if (found.empty()) continue;
        mistakes.add(root.find("search")->value.find("parameters")->position,
                     "search.parameters: trial " + std::to_string(trial) + " has " +
                         setting_text(setting) + ", which do not go together: " + first_of(found));
        return;
    }
}

/// With fewer trials none would get to the last rung.
void check_rungs(const TableReader& table, const SearchSection& search, std::size_t rungs) {
    double least = 1.0;
    for (std::size_t rung = 1; rung < rungs; ++rung) least *= search.reduction;
    if (search.trials >= least) return;
    table.mistakes().add(table.find("parameters")->position,
                         "search.trials = " + std::to_string(search.trials) +
                             " (none of them would reach the last of " + std::to_string(rungs) +
                             " rungs, which takes " +
                             std::to_string(static_cast<std::uint64_t>(least)) +
                             "; raise trials or first_rung)");
}

/// CMA-ES moves in a space of numbers. \return whether it can
bool check_numbers(const TableReader& table, const SearchSection& search) {
    const std::size_t n = search.parameters.size();
    constexpr std::size_t most = 20;
    if (n < 2 || n > most) {
        table.wrong("sampler", "needs 2 to 20 parameters, and here is " + std::to_string(n));
        return false;
    }
    for (const SearchParameter& parameter : search.parameters) {
        if (parameter.kind != SearchKind::choice && parameter.when_values.empty()) continue;
        table.wrong("sampler",
                    "needs numbers that are always used; " + parameter.key +
                        (parameter.kind == SearchKind::choice ? " is a choice" : " has a 'when'") +
                        "; take \"tpe\"");
        return false;
    }
    return true;
}

void check_processes(const TableReader& table,
                     const Campaign& campaign,
                     const SearchSection& search) {
    std::vector<std::string> known;
    for (const ProcessSection& process : campaign.processes) known.push_back(process.name);
    for (const std::string& name : search.processes) {
        if (std::ranges::count(known, name) == 0) {
            table.wrong("processes", "no process '" + name + "'" + known_names(name, known));
        } else if (std::ranges::count(search.processes, name) > 1) {
            table.wrong("processes", "'" + name + "' is listed twice");
        }
    }
    if (search.judges_likelihood() && search.processes.size() < known.size()) {
        table.wrong("processes",
                    "\"sigma\" and \"coverage\" need the nets of all processes; leave it out");
    }
}

std::string text_of_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw ConfigError("cannot be read");
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

bool read_space(const TableReader& table, SearchedKeys keys, SearchSection& search) {
    const std::size_t before = table.mistakes().size();
    const bool any = keys == SearchedKeys::any;
    const ConfigNode* node = table.require(
        "parameters", std::string("what is searched: a table [search.parameters] with lines such "
                                  "as ") +
                          (any ? "lr" : "\"training.learning_rate\"") +
                          " = { log_uniform = [1e-4, 1e-2] }");
    if (node == nullptr) return false;
    const auto* members = node->get_if<ConfigNode::Table>();
    if (members == nullptr || members->empty()) {
        table.wrong("parameters", any ? "must be a table of parameters, not empty"
                                      : "must be a table of keys of [network] and [training]");
        return false;
    }
    const ConfigNode::Table given = any ? *members : searched_members(*members);
    for (const ConfigMember& member : given) {
        SearchParameter parameter;
        if (read_search_parameter(member, keys, table.mistakes(), parameter)) {
            search.parameters.push_back(std::move(parameter));
        }
    }
    check_when(table, given, search);
    return table.mistakes().size() == before;
}

void read_points(const TableReader& table,
                 const std::filesystem::path& folder,
                 SearchSection& search) {
    const ConfigNode* node = table.find("points");
    if (node == nullptr) return;
    const auto read = [&](const ConfigNode& at, const std::string& path, const auto& take) {
        try {
            take();
        } catch (const ConfigError& problem) {
            table.mistakes().add(at.position, path + ": " + problem.what());
        }
    };
    if (const auto* name = node->get_if<std::string>()) {
        read(*node, "search.points = " + value_text(*node),
             [&] { search.points = parse_points(search, text_of_file(folder / *name)); });
    } else if (const auto* points = node->get_if<ConfigNode::Array>()) {
        for (std::size_t i = 0; i < points->size(); ++i) {
            const ConfigNode& point = (*points)[i];
            read(point, "search.points[" + std::to_string(i) + "]",
                 [&] { search.points.push_back(setting_of_point(search, point)); });
        }
    } else {
        table.wrong("points", "must be a JSON file, or an array of tables of the searched keys");
    }
    if (search.points.size() <= search.trials) return;
    table.mistakes().add(node->position, "search.points: " + std::to_string(search.points.size()) +
                                             " points for " + std::to_string(search.trials) +
                                             " trials; raise search.trials");
}

void check_sampling(const TableReader& table,
                    const SearchSection& search,
                    std::uint32_t epochs,
                    std::size_t objectives) {
    const std::size_t rungs = rung_epochs(search, epochs).size();
    check_rungs(table, search, rungs);
    if (!search.evolves()) return;
    if (search.sampler == SearchSampler::cmaes) {
        if (!check_numbers(table, search)) return;
    } else if (objectives < 2) {
        return table.wrong("sampler", "needs a second_objective");
    }
    if (rungs > 1) {
        return table.wrong("sampler", "compares all trials at equal epochs; set first_rung = " +
                                          std::to_string(epochs));
    }
    const std::size_t generation = generation_size(search);
    const std::size_t least = search.points.size() + 2 * generation;
    if (search.trials >= least) return;
    table.wrong("sampler", "learns from generations of " + std::to_string(generation) +
                               "; set trials to at least " + std::to_string(least));
}

void read_search(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    const TableReader table = section(root, "search", mistakes);
    if (!table.present()) return;
    const std::size_t before = mistakes.size();
    SearchSection search;
    const KeysRead good = read_keys(table, search);
    if (good.has("first_rung") && search.first_rung > campaign.training.epochs) {
        table.wrong("first_rung", "must be at most training.epochs = " +
                                      std::to_string(campaign.training.epochs));
    }
    search.first_rung = std::min(search.first_rung, campaign.training.epochs);
    if (good.has("processes")) check_processes(table, campaign, search);
    if (word_of(search.second_objective) == word_of(search.objective)) {
        table.wrong("second_objective", "is the objective itself; take another one");
    }
    if (search.judges_likelihood() && campaign.split.folds > 0) {
        table.wrong(is_of_likelihood(search.objective) ? "objective" : "second_objective",
                    "\"sigma\" and \"coverage\" need validation events that no fold has; leave "
                    "split.folds out, or take another objective");
    }
    if (good.has("first_members") && good.has("members") && search.first_members > search.members) {
        table.wrong("first_members",
                    "must be at most search.members = " + std::to_string(search.members));
    }
    const auto names = [&](const char* file) {
        return search.command.find(file) != std::string::npos;
    };
    if (good.has("command") && names("%IN") && !names("%OUT")) {
        table.wrong("command",
                    "must contain %OUT, the file that the program writes its points to; a program "
                    "that answers lines of JSON needs neither %IN nor %OUT");
    }
    read_space(table, SearchedKeys::of_nets, search);
    if (search.searches_members() && good.has("members")) {
        table.wrong("members", "ensemble.members is searched; leave it out");
    }
    if (good.has("first_members") && !good.has("members") && !search.searches_members()) {
        table.wrong("first_members", "needs search.members, or a searched ensemble.members");
    }
    if (mistakes.size() == before) read_points(table, campaign.folder, search);
    if (!campaign.has_events()) {
        mistakes.add(
            table.find("parameters") == nullptr ? Position{} : table.find("parameters")->position,
            "search (a campaign without [events] trains nothing; leave it out)");
    }
    campaign.search = std::move(search);
    if (mistakes.size() > before || !mistakes_of(root, campaign, {}).empty()) return;
    const bool two = campaign.search->second_objective != SecondObjective::none;
    check_sampling(table, *campaign.search, campaign.training.epochs, two ? 2 : 1);
    check_values(root, campaign, mistakes);
    if (mistakes.size() == before) check_trials(root, campaign, mistakes);
}

}  // namespace ratiofarm
