#include "search_space.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/core/errors.hpp"

#include "campaign/file/section_readers.hpp"
#include "campaign/file/toml_writer.hpp"
#include "core/philox.hpp"
#include "core/seeds.hpp"

#include "search_plan.hpp"

namespace ratiofarm {
namespace {

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
        case SearchKind::choice: break;
    }
    const auto count = static_cast<double>(parameter.choices.size());
    return parameter.choices[static_cast<std::size_t>(u * count)];
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
        const std::size_t dot = path.find('.');
        RATIOFARM_EXPECT(dot != std::string::npos);
        const ConfigNode node = parse_toml("value = " + value, "search").find("value")->value;
        set(path.starts_with("network.") ? network : training, path.substr(dot + 1), node);
    }
    drop_useless(training, setting);
    Campaign fresh;
    fresh.events = campaign.events;
    ConfigNode::Table tables;
    tables.push_back(std::move(network));
    tables.push_back(std::move(training));
    read_nets({std::move(tables), {}}, fresh, mistakes);
    if (reads_particles(fresh.network.kind) != reads_particles(campaign.network.kind)) {
        mistakes.add(root.position, "network.kind = \"" + word_of(fresh.network.kind) +
                                        "\": a search cannot mix kinds that read particle lists "
                                        "with others");
    }
    campaign.network = fresh.network;
    campaign.training = fresh.training;
}

SearchSetting draw_setting(const Campaign& campaign, std::uint32_t trial) {
    RATIOFARM_EXPECT(campaign.search.has_value());
    SearchSetting setting;
    for (const SearchParameter& parameter : campaign.search->parameters) {
        const std::string name = "search/trial " + std::to_string(trial) + "/" + parameter.key;
        PhiloxSequence draw(seed_for(campaign.seed, name, Stream::search));
        setting.emplace_back(parameter.key, value_at(parameter, draw.uniform()));
    }
    return setting;
}

std::string setting_text(const SearchSetting& setting) {
    std::string text;
    for (const auto& [key, value] : setting) {
        text += (text.empty() ? "" : ", ") + key + " = " + value;
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
