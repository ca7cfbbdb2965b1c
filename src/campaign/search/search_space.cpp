#include "search_space.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "campaign/file/section_readers.hpp"
#include "campaign/file/toml_writer.hpp"
#include "core/json_text.hpp"
#include "core/philox.hpp"
#include "core/seeds.hpp"

#include "search_plan.hpp"

namespace ratiofarm {
namespace {

constexpr std::uint64_t most_members = 100;  // of a trial

/// Results of exp and log may differ in the last bit between machines; four digits do not.
double rounded(double value) {
    std::array<char, 32> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                   std::chars_format::scientific, 3);
    double result = 0.0;
    std::from_chars(buffer.data(), end.ptr, result);
    return result;
}

/// \param u  in [0, 1)
std::string value_at(const SearchParameter& parameter, double u) {
    const double low = parameter.low;
    const double high = parameter.high;
    switch (parameter.kind) {
        case SearchKind::uniform:
            return toml_text(std::clamp(rounded(low + u * (high - low)), low, high));
        case SearchKind::log_uniform:
            return toml_text(
                std::clamp(rounded(low * std::exp(u * std::log(high / low))), low, high));
        case SearchKind::integer:
            return std::to_string(
                static_cast<std::int64_t>(low + std::floor(u * (high - low + 1))));
        case SearchKind::log_integer: {
            const double whole = std::floor(low * std::exp(u * std::log((high + 1) / low)));
            return std::to_string(static_cast<std::int64_t>(std::clamp(whole, low, high)));
        }
        case SearchKind::choice: break;
    }
    const auto count = static_cast<double>(parameter.choices.size());
    return parameter.choices[static_cast<std::size_t>(u * count)];
}

ConfigNode node_of_value(const std::string& text) {
    return parse_toml("value = " + text, "search").find("value")->value;
}

std::optional<double> number_in(const ConfigNode& node) {
    if (const auto* whole = node.get_if<std::int64_t>()) return static_cast<double>(*whole);
    if (const auto* number = node.get_if<double>()) return *number;
    return std::nullopt;
}

/// "a number from 0.001 to 0.1"
std::string allowed_text(const SearchParameter& parameter) {
    if (parameter.kind == SearchKind::choice) {
        std::string text;
        for (const std::string& choice : parameter.choices) {
            text += (text.empty() ? "one of " : ", ") + choice;
        }
        return text;
    }
    const auto end = [&](double number) {
        return is_whole(parameter.kind) ? std::to_string(static_cast<std::int64_t>(number))
                                        : toml_text(number);
    };
    return std::string(is_whole(parameter.kind) ? "a whole number" : "a number") + " from " +
           end(parameter.low) + " to " + end(parameter.high);
}

/// The value as a setting has it; nothing if the parameter does not allow it.
std::optional<std::string> allowed_value(const SearchParameter& parameter, const ConfigNode& node) {
    const auto number = number_in(node);
    if (parameter.kind == SearchKind::choice) {
        for (const std::string& choice : parameter.choices) {
            const ConfigNode known = node_of_value(choice);
            // 256.0 is 256.
            if (value_text(node) == choice || (number && number == number_in(known))) return choice;
        }
        return std::nullopt;
    }
    if (!number || !(*number >= parameter.low && *number <= parameter.high)) return std::nullopt;
    if (!is_whole(parameter.kind)) return toml_text(*number);
    if (*number != std::floor(*number)) return std::nullopt;
    return std::to_string(static_cast<std::int64_t>(*number));
}

/// Whether the other values ask for this parameter. \param find  value of a key, null if none
template <class Find>
bool in_use(const SearchParameter& parameter, Find find) {
    if (parameter.when_values.empty()) return true;
    const std::string* other = find(parameter.when_key);
    return other != nullptr && std::ranges::count(parameter.when_values, *other) > 0;
}

ConfigNode node_of(const nlohmann::ordered_json& json) {
    if (json.is_string()) return {json.get<std::string>(), {}};
    if (json.is_boolean()) return {json.get<bool>(), {}};
    const bool large =
        json.is_number_unsigned() && !std::in_range<std::int64_t>(json.get<std::uint64_t>());
    if (json.is_number_float() || large) return {json.get<double>(), {}};
    if (json.is_number()) return {json.get<std::int64_t>(), {}};
    if (json.is_array()) {
        ConfigNode::Array items;
        for (const auto& item : json) items.push_back(node_of(item));
        return {std::move(items), {}};
    }
    if (json.is_object()) {
        ConfigNode::Table members;
        for (const auto& [key, value] : json.items()) members.push_back({key, {}, node_of(value)});
        return {std::move(members), {}};
    }
    return {std::string("null"), {}};
}

nlohmann::ordered_json json_of(const ConfigNode& node) {
    if (const auto* text = node.get_if<std::string>()) return *text;
    if (const auto* flag = node.get_if<bool>()) return *flag;
    if (const auto* whole = node.get_if<std::int64_t>()) return *whole;
    if (const auto* number = node.get_if<double>()) return *number;
    nlohmann::ordered_json array = nlohmann::ordered_json::array();
    if (const auto* items = node.get_if<ConfigNode::Array>()) {
        for (const ConfigNode& item : *items) array.push_back(json_of(item));
    }
    return array;
}

/// The value of a table as a copy that may be changed; an empty table if there is none.
ConfigMember table_of(const ConfigNode& root, const std::string& name) {
    const ConfigMember* member = root.find(name);
    const bool is_table = member != nullptr && member->value.get_if<ConfigNode::Table>() != nullptr;
    return is_table ? *member : ConfigMember{name, {}, ConfigNode{ConfigNode::Table{}, {}}};
}

void set(ConfigMember& table, const std::string& key, ConfigNode value) {
    auto& members = std::get<ConfigNode::Table>(table.value.value);
    std::erase_if(members, [&](const ConfigMember& member) { return member.key == key; });
    members.push_back({key, value.position, std::move(value)});
}

/// Drops what belongs to words that a setting has changed.
void drop_useless(ConfigMember& training, const SearchSetting& setting) {
    const auto text = [&](const char* key, const char* absent) {
        const ConfigMember* member = training.value.find(key);
        const auto* word = member == nullptr ? nullptr : member->value.get_if<std::string>();
        return word == nullptr ? std::string(absent) : *word;
    };
    const auto drop = [&](const std::string& key) {
        const auto searched = [&](const auto& entry) { return entry.first == "training." + key; };
        if (std::any_of(setting.begin(), setting.end(), searched)) return;
        std::erase_if(std::get<ConfigNode::Table>(training.value.value),
                      [&](const ConfigMember& member) { return member.key == key; });
    };
    const auto changed = [&](const char* key) {
        return std::any_of(setting.begin(), setting.end(),
                           [&](const auto& entry) { return entry.first == key; });
    };
    const std::string schedule = text("schedule", "cosine");
    if (changed("training.schedule") && schedule != "step" && schedule != "plateau") {
        drop("schedule_factor");
        drop("schedule_epochs");
    }
    if (changed("training.schedule") && schedule == "one_cycle") drop("warmup_epochs");
    if (changed("training.average")) {
        const std::string average = text("average", "none");
        if (average != "ema") drop("average_decay");
        if (average != "swa") drop("average_from");
    }
    if (changed("training.optimizer") && text("optimizer", "nadam") != "adamw") {
        drop("weight_decay");
    }
}

}  // namespace

void read_nets_with(const ConfigNode& root,
                    const SearchSetting& setting,
                    Campaign& campaign,
                    Mistakes& mistakes) {
    ConfigMember network = table_of(root, "network");
    ConfigMember training = table_of(root, "training");
    for (const auto& [path, value] : setting) {
        if (path == members_key) {
            if (const auto members =
                    read_whole(node_of_value(value), {1, most_members}, path, mistakes)) {
                EnsembleSection& ensemble = campaign.ensemble;
                ensemble.members = static_cast<std::uint32_t>(*members);
                ensemble.max_members = std::max(ensemble.max_members, ensemble.members);
            }
            continue;
        }
        const std::size_t dot = path.find('.');
        RATIOFARM_EXPECT(dot != std::string::npos);
        set(path.starts_with("network.") ? network : training, path.substr(dot + 1),
            node_of_value(value));
    }
    drop_useless(training, setting);
    Campaign fresh;
    fresh.events = campaign.events;
    ConfigNode::Table tables;
    tables.push_back(std::move(network));
    tables.push_back(std::move(training));
    read_nets({std::move(tables), {}}, fresh, mistakes);
    if (reads_lists(fresh.network) != reads_lists(campaign.network)) {
        mistakes.add(root.position, "network.kind = \"" + word_of(fresh.network.kind) +
                                        "\": a search cannot mix kinds that read particle lists "
                                        "with others");
    }
    campaign.network = fresh.network;
    campaign.training = fresh.training;
}

const std::string* value_of(const SearchSetting& setting, const std::string& key) {
    const auto found = std::ranges::find(setting, key, &SearchSetting::value_type::first);
    return found == setting.end() ? nullptr : &found->second;
}

SearchSetting setting_at(const SearchSection& search, const std::vector<double>& u) {
    RATIOFARM_EXPECT(u.size() == search.parameters.size());
    SearchSetting all;
    for (std::size_t i = 0; i < u.size(); ++i) {
        all.emplace_back(search.parameters[i].key, value_at(search.parameters[i], u[i]));
    }
    SearchSetting used;
    for (std::size_t i = 0; i < u.size(); ++i) {
        const auto find = [&](const std::string& key) { return value_of(all, key); };
        if (in_use(search.parameters[i], find)) used.push_back(all[i]);
    }
    return used;
}

double unit_of(const SearchParameter& parameter, const std::string& value) {
    const double low = parameter.low;
    const double high = parameter.high;
    if (parameter.kind == SearchKind::choice) {
        const auto at = std::ranges::find(parameter.choices, value) - parameter.choices.begin();
        return (static_cast<double>(at) + 0.5) / static_cast<double>(parameter.choices.size());
    }
    const double number = *number_in(node_of_value(value));
    double u = 0.0;
    switch (parameter.kind) {
        case SearchKind::log_uniform: u = std::log(number / low) / std::log(high / low); break;
        case SearchKind::integer: u = (number - low + 0.5) / (high - low + 1); break;
        case SearchKind::log_integer:
            u = std::log(std::sqrt(number * (number + 1)) / low) / std::log((high + 1) / low);
            break;
        default: u = (number - low) / (high - low);
    }
    return std::clamp(u, 0.0, std::nextafter(1.0, 0.0));
}

SearchSetting setting_of_point(const SearchSection& search, const ConfigNode& point) {
    const auto* members = point.get_if<ConfigNode::Table>();
    if (members == nullptr) {
        throw ConfigError(value_text(point) + " (must be a table of the searched keys)");
    }
    std::vector<std::string> mistakes;
    SearchSetting all;
    for (const ConfigMember& member : *members) {
        const auto known = std::ranges::find(search.parameters, member.key, &SearchParameter::key);
        if (known == search.parameters.end()) {
            std::vector<std::string> keys;
            for (const SearchParameter& parameter : search.parameters) {
                keys.push_back(parameter.key);
            }
            mistakes.push_back(member.key + " (is not searched" + known_names(member.key, keys) +
                               ")");
            continue;
        }
        const auto value = allowed_value(*known, member.value);
        if (!value) {
            mistakes.push_back(member.key + " = " + value_text(member.value) +
                               " (lies outside the space: must be " + allowed_text(*known) + ")");
        }
        all.emplace_back(member.key, value.value_or(std::string()));
    }
    SearchSetting used;
    for (const SearchParameter& parameter : search.parameters) {
        const std::string* value = value_of(all, parameter.key);
        const bool needed =
            in_use(parameter, [&](const std::string& key) { return value_of(all, key); });
        if (!needed) continue;
        if (value != nullptr) {
            used.emplace_back(parameter.key, *value);
        } else {
            mistakes.push_back(parameter.key + " is missing (must be " + allowed_text(parameter) +
                               ")");
        }
    }
    if (!mistakes.empty()) throw ConfigError(fmt::format("{}", fmt::join(mistakes, "; ")));
    return used;
}

nlohmann::ordered_json parse_foreign_json(std::string_view text) {
    try {
        constexpr int deepest = 8;
        return parse_json<nlohmann::ordered_json>(text, deepest);
    } catch (const DataError& problem) {
        throw ConfigError("is refused: " + std::string(problem.what()));
    } catch (const nlohmann::json::exception&) {
        throw ConfigError("is not JSON; NaN and infinite numbers are none, either");
    }
}

std::vector<SearchSetting> parse_points(const SearchSection& search, const std::string& text) {
    return settings_of_json(search, parse_foreign_json(text));
}

std::vector<SearchSetting> settings_of_json(const SearchSection& search,
                                            const nlohmann::ordered_json& points) {
    if (!points.is_array()) {
        throw ConfigError("must be an array of points, such as [{\"" +
                          search.parameters.front().key + "\": ...}]");
    }
    std::vector<SearchSetting> settings;
    std::vector<std::string> mistakes;
    for (std::size_t i = 0; i < points.size(); ++i) {
        try {
            settings.push_back(setting_of_point(search, node_of(points[i])));
        } catch (const ConfigError& problem) {
            mistakes.push_back("point " + std::to_string(i) + ": " + problem.what());
        }
    }
    if (!mistakes.empty()) throw ConfigError(fmt::format("{}", fmt::join(mistakes, "; ")));
    return settings;
}

nlohmann::ordered_json point_json(const SearchSetting& setting) {
    nlohmann::ordered_json json = nlohmann::ordered_json::object();
    for (const auto& [key, value] : setting) json[key] = json_of(node_of_value(value));
    return json;
}

nlohmann::ordered_json space_json(const SearchSection& search) {
    using Json = nlohmann::ordered_json;
    Json space = Json::object();
    for (const SearchParameter& parameter : search.parameters) {
        Json& words = space[parameter.key];
        words["type"] = parameter.kind == SearchKind::choice ? "Choice"
                        : is_logarithmic(parameter.kind)     ? "Log"
                                                             : "Scalar";
        if (parameter.kind == SearchKind::choice) {
            Json choices = Json::array();
            for (const std::string& choice : parameter.choices) {
                choices.push_back(point_json({{"value", choice}})["value"]);
            }
            words["params"] = {{"choices", std::move(choices)}};
        } else {
            words["params"] = {{"lower", parameter.low}, {"upper", parameter.high}};
        }
        if (is_whole(parameter.kind)) {
            words["integer"] = true;
        }
        if (parameter.when_values.empty()) continue;
        Json values = Json::array();
        for (const std::string& value : parameter.when_values) {
            values.push_back(point_json({{"value", value}})["value"]);
        }
        words["when"] = {{parameter.when_key, std::move(values)}};
    }
    return space;
}

SearchSetting draw_setting(const SearchSection& search, std::uint64_t seed, std::uint32_t trial) {
    std::vector<double> u;
    for (const SearchParameter& parameter : search.parameters) {
        const std::string name = "search/trial " + std::to_string(trial) + "/" + parameter.key;
        u.push_back(PhiloxSequence(seed_for(seed, name, Stream::search)).uniform());
    }
    return setting_at(search, u);
}

std::string setting_text(const SearchSetting& setting) {
    std::string text;
    for (const auto& [key, value] : setting) {
        text.append(text.empty() ? "" : ", ").append(key).append(" = ").append(value);
    }
    return text;
}

Campaign with_setting(Campaign campaign, const SearchSetting& setting) {
    campaign.search.reset();
    Mistakes mistakes;
    const ConfigNode resolved = parse_toml(campaign_toml(campaign), "resolved campaign");
    read_nets_with(resolved, setting, campaign, mistakes);
    if (!mistakes.empty()) {
        throw ConfigError(mistakes_text(mistakes.lines(setting_text(setting)), "the setting"));
    }
    return campaign;
}

std::vector<std::uint32_t> rung_epochs(const SearchSection& search, std::uint32_t epochs) {
    std::vector<std::uint32_t> rungs{epochs};
    for (double part = epochs;;) {
        part /= search.reduction;
        const auto end = static_cast<std::uint32_t>(std::lround(part));
        if (end < search.first_rung || end == rungs.front()) return rungs;
        rungs.insert(rungs.begin(), end);
    }
}

std::vector<std::string> searched_processes(const Campaign& campaign) {
    RATIOFARM_EXPECT(campaign.search.has_value());
    if (!campaign.search->processes.empty()) return campaign.search->processes;
    std::vector<std::string> names;
    for (const ProcessSection& process : campaign.processes) names.push_back(process.name);
    return names;
}

}  // namespace ratiofarm
