// [search.parameters]: what is searched, and in which range.
#include "read_search_space.hpp"

#include <algorithm>

#include <fmt/format.h>

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
        if (same == 2) {
            table.wrong("choice", fmt::format("{} is listed twice", parameter.choices.back()));
        }
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
        const std::string path = fmt::format("search.parameters.\"{}\".when", parameter.key);
        const auto other =
            std::ranges::find(search.parameters, parameter.when_key, &SearchParameter::key);
        if (other == search.parameters.end() &&
            std::ranges::count(given, parameter.when_key, &ConfigMember::key) > 0) {
            continue;
        }
        if (other == search.parameters.end() || other->kind != SearchKind::choice ||
            !other->when_values.empty()) {
            table.mistakes().add(at, fmt::format("{}: '{}' must be a searched key with a choice, "
                                                 "without a 'when' of its own",
                                                 path, parameter.when_key));
            continue;
        }
        for (const std::string& value : parameter.when_values) {
            if (std::ranges::count(other->choices, value) > 0) continue;
            table.mistakes().add(
                at, fmt::format("{}: {} is no choice of '{}'{}", path, value, parameter.when_key,
                                known_names(value, other->choices)));
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
        return is_plain_name(key) ? "" : fmt::format(" (must be {})", plain_name_rule);
    }
    const auto known = keys_of_nets(true);
    if (std::ranges::count(keys_of_nets(false), key) > 0) {
        return fmt::format(" (every trial has the campaign's {}; it cannot be searched)", key);
    }
    if (std::ranges::count(known, key) > 0) return "";
    return fmt::format(" (no key of [network] or [training]{})", known_names(key, known));
}

/// \return whether it can be drawn from
bool read_search_parameter(const ConfigMember& member,
                           SearchedKeys keys,
                           Mistakes& mistakes,
                           SearchParameter& parameter) {
    const std::string path = fmt::format("search.parameters.\"{}\"", member.key);
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

}  // namespace

bool read_space(const TableReader& table, SearchedKeys keys, SearchSection& search) {
    const std::size_t before = table.mistakes().size();
    const bool any = keys == SearchedKeys::any;
    const ConfigNode* node = table.require(
        "parameters",
        fmt::format("what is searched: a table [search.parameters] with lines such as {} = "
                    "{{ log_uniform = [1e-4, 1e-2] }}",
                    any ? "lr" : "\"training.learning_rate\""));
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

}  // namespace ratiofarm
