// [[region]]: where events are counted or looked at one by one.
#include <algorithm>

#include "read_binned.hpp"
#include "read_cuts.hpp"
#include "section_readers.hpp"

namespace ratiofarm {
namespace {

enum class RegionType : std::uint8_t { unbinned, binned };

void read_region_yields(const TableReader& table,
                        UnbinnedRegionSection& region,
                        const Campaign& campaign) {
    const ConfigNode* node = table.find("yield");
    if (node == nullptr) return;
    const auto* members = node->get_if<ConfigNode::Table>();
    if (members == nullptr) {
        return table.wrong("yield", "must be a table of processes, { S = 100.0, B = 900.0 }");
    }
    std::vector<std::string> names;
    for (const ProcessSection& process : campaign.processes) names.push_back(process.name);
    for (const ConfigMember& member : *members) {
        const std::string path = table.path("yield") + "." + member.key;
        if (!is_known(member.key, names)) {
            table.mistakes().wrong(member.value, path,
                                   "no such process" + known_names(member.key, names));
        }
        const auto yield =
            read_number(member.value, {.low = 0.0, .low_allowed = false}, path, table.mistakes());
        if (yield) region.yields.emplace_back(member.key, *yield);
    }
}

void read_unbinned(const ConfigNode& node,
                   const std::string& path,
                   Campaign& campaign,
                   Mistakes& mistakes) {
    const TableReader table(&node, "region (unbinned)", path, mistakes);
    UnbinnedRegionSection region;
    table.name("name", region.name);
    table.text("ratios", region.ratios);
    read_region_yields(table, region, campaign);
    ShapeNorm norm = ShapeNorm::reference;
    if (table.word("shape_norm", norm)) region.shape_norm = norm;
    region.where = read_cuts(table);
    if (!region.ratios.empty() && table.find("where") != nullptr) {
        table.wrong("where", "the ratio file of the region has its events selected already");
    }
    campaign.unbinned.push_back(std::move(region));
}

/// The type of a region; it decides which keys there are.
std::optional<RegionType> region_type(const ConfigNode& node,
                                      const std::string& path,
                                      Mistakes& mistakes) {
    const ConfigMember* type = node.find("type");
    const auto* word = type == nullptr ? nullptr : type->value.get_if<std::string>();
    for (const char* key : {"edges", "observable", "contents", "bins"}) {
        const ConfigMember* binned = node.find(key);
        if (type != nullptr || binned == nullptr) continue;
        mistakes.wrong(binned->value, path + "." + key,
                       "is of a binned region: type = \"binned\" is missing");
        return RegionType::binned;  // so that nothing follows from it
    }
    if (type == nullptr || (word != nullptr && *word == "unbinned")) return RegionType::unbinned;
    if (word != nullptr && *word == "binned") return RegionType::binned;
    mistakes.wrong(type->value, path + ".type", "must be one of unbinned, binned");
    return std::nullopt;
}

void check_region_names(const ConfigNode& root, const Campaign& campaign, Mistakes& mistakes) {
    std::vector<std::string> names;
    for (const auto& region : campaign.unbinned) names.push_back(region.name);
    for (const auto& region : campaign.binned) names.push_back(region.region.name);
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice == names.end()) return;
    mistakes.add(root.find("region")->position, "region (two are called '" + *twice + "')");
}

}  // namespace

void read_regions(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    std::vector<std::string> parameters;
    for (const Parameter& parameter : campaign.parameters) parameters.push_back(parameter.name);
    for_each_section(
        root, "region", mistakes, [&](const ConfigNode& node, const std::string& path) {
            const auto type = region_type(node, path, mistakes);
            if (type == RegionType::unbinned) {
                read_unbinned(node, path, campaign, mistakes);
            } else if (type == RegionType::binned) {
                campaign.binned.push_back(read_binned_region(node, path, parameters, mistakes));
            }
        });
    campaign.labels = read_labels(root, mistakes);
    if (root.find("region") != nullptr) check_region_names(root, campaign, mistakes);
    const bool filled = std::any_of(campaign.binned.begin(), campaign.binned.end(),
                                    [](const auto& section) { return section.from_events; });
    if (campaign.unbinned.empty() && !campaign.processes.empty() && !filled) {
        campaign.unbinned.emplace_back();
    }
    if (!campaign.unbinned.empty() && campaign.processes.empty()) {
        mistakes.add({},
                     "process is missing (an unbinned region needs one section [[process]] for "
                     "each, with name and coefficient)");
    }
}

}  // namespace ratiofarm
