// [campaign], [events], [split] and the tables that later versions will read.
#include <set>

#include "section_readers.hpp"

namespace ratiofarm {
namespace {

void read_events(const ConfigNode& root, EventsSection& events, Mistakes& mistakes) {
    const TableReader table = section(root, "events", mistakes);
    // A campaign that only fits ratios has no nets, and needs no events for them.
    const auto has = [&](const char* name) { return root.find(name) != nullptr; };
    if (!table.present() && !has("network") && !has("training") && !has("ensemble") &&
        !has("reference") && !has("gates") && !has("preselection") && !has("unfolding")) {
        return;
    }
    if (!read_keys(table, events).has("features")) return;
    std::set<std::string> seen;
    for (const std::string& feature : events.features) {
        if (!seen.insert(feature).second)
            table.wrong("features", "'" + feature + "' is listed twice");
    }
}

void read_split(const ConfigNode& root, Split& split, Mistakes& mistakes) {
    const TableReader table = section(root, "split", mistakes);
    if (read_keys(table, split).has("folds")) {
        if (table.find("inference") != nullptr) {
            table.wrong("inference",
                        "with folds every event is for inference, by the nets that did not see it; "
                        "leave it out");
        }
        split.inference = 1.0;
        return;
    }
    constexpr double rounding = 1e-12;
    const double sum = split.train + split.validation + split.inference;
    if (table.present() && sum > 1.0 + rounding && !mistakes.about("split.")) {
        mistakes.add(
            root.find("split")->value.position,
            "split.train + validation + inference = " + value_text({sum, {}}) +
                " (must be at most 1; missing ones count with their defaults 0.5, 0.1, 0.4)");
    }
}

}  // namespace

void read_general(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    const TableReader file(&root, "", "", mistakes);  // finds unknown tables
    read_keys(section(root, "campaign", mistakes), campaign);
    read_events(root, campaign.events, mistakes);
    read_split(root, campaign.split, mistakes);
}

void for_each_section(const ConfigNode& root,
                      const std::string& name,
                      Mistakes& mistakes,
                      const std::function<void(const ConfigNode&, const std::string&)>& read) {
    const ConfigMember* member = root.find(name);
    if (member == nullptr) return;
    const auto* sections = member->value.get_if<ConfigNode::Array>();
    if (sections == nullptr) {
        mistakes.add(member->position, name + " (must be written as sections [[" + name + "]])");
        return;
    }
    for (std::size_t i = 0; i < sections->size(); ++i) {
        const ConfigMember* label = (*sections)[i].find("name");
        const auto* text = label == nullptr ? nullptr : label->value.get_if<std::string>();
        const bool good = text != nullptr && is_plain_name(*text);
        read((*sections)[i], name + (good ? "." + *text : "[" + std::to_string(i) + "]"));
    }
}

}  // namespace ratiofarm
