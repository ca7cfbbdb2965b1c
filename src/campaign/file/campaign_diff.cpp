#include "campaign_diff.hpp"

#include <algorithm>

#include "config_node.hpp"

namespace ratiofarm {
namespace {

std::vector<ConfigEntry> entries_of(const Campaign& campaign) {
    const std::string text = campaign_toml(with_absolute_paths(campaign));
    std::vector<ConfigEntry> entries = flatten(parse_toml(text, "resolved campaign"));
    std::erase_if(entries, [](const ConfigEntry& entry) {
        return entry.path == "training.checkpoint_seconds" || entry.path.starts_with("simulate.");
    });
    return entries;
}

const ConfigEntry* find(const std::vector<ConfigEntry>& entries, const std::string& path) {
    const auto found = std::find_if(entries.begin(), entries.end(),
                                    [&](const ConfigEntry& entry) { return entry.path == path; });
    return found == entries.end() ? nullptr : &*found;
}

}  // namespace

std::vector<std::string> campaign_diff(const Campaign& old_campaign, const Campaign& new_campaign) {
    const std::vector<ConfigEntry> before = entries_of(old_campaign);
    const std::vector<ConfigEntry> after = entries_of(new_campaign);
    std::vector<std::string> lines;
    for (const ConfigEntry& entry : before) {
        const ConfigEntry* now = find(after, entry.path);
        if (now != nullptr && now->value == entry.value) continue;
        lines.push_back(entry.path + ": " + entry.value + " -> " +
                        (now == nullptr ? "(absent)" : now->value));
    }
    for (const ConfigEntry& entry : after) {
        if (find(before, entry.path) != nullptr) continue;
        lines.push_back(entry.path + ": (absent) -> " + entry.value);
    }
    return lines;
}

}  // namespace ratiofarm
