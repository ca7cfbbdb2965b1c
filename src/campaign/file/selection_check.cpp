// What is wrong with regions and what is counted in them.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "campaign/find_sample.hpp"
#include "campaign/selection/selection_regions.hpp"
#include "campaign/task_graph.hpp"
#include "core/suggest.hpp"

#include "section_readers.hpp"
#include "toml_writer.hpp"

namespace ratiofarm {
namespace {

using Interval = std::pair<double, double>;

/// The box of a region: several cuts on one observable are one.
std::map<std::string, Interval> box_of(const SelectionRegion& region) {
    std::map<std::string, Interval> box;
    for (const Cut& cut : region.cuts) {
        const auto [entry, is_new] = box.emplace(cut.observable, Interval{cut.low, cut.high});
        if (is_new) continue;
        entry->second.first = std::max(entry->second.first, cut.low);
        entry->second.second = std::min(entry->second.second, cut.high);
    }
    return box;
}

bool is_empty(const std::map<std::string, Interval>& box) {
    return std::ranges::any_of(
        box, [](const auto& entry) { return !(entry.second.first < entry.second.second); });
}

/// A cut that could not be read, which was told already.
bool has_mistake(const SelectionRegion& region) {
    return std::ranges::any_of(region.cuts, [](const Cut& cut) { return std::isnan(cut.low); });
}

bool meet(const SelectionRegion& a, const SelectionRegion& b) {
    if (has_mistake(a) || has_mistake(b)) return false;
    SelectionRegion both = a;
    both.cuts.insert(both.cuts.end(), b.cuts.begin(), b.cuts.end());
    return !is_empty(box_of(both));
}

bool is_preselected(const std::string& observable) {
    return observable == "score" || observable == "max_ratio" || observable.starts_with("p_");
}

/// The ratios of one region at most come from the run directory.
void check_trained(Position at, const Campaign& campaign, Mistakes& mistakes) {
    std::string names;
    std::size_t count = 0;
    for (const UnbinnedRegionSection& region : campaign.unbinned) {
        if (!region.ratios.empty()) continue;
        names += (names.empty() ? "'" : "', '") + region.name;
        ++count;
    }
    if (count < 2) return;
    mistakes.add(at,
                 "region (the unbinned regions " + names +
                     "' name no ratio file, but a campaign trains at most one; train the others in "
                     "campaigns of their own and give their files with ratios = \"...\")");
}

void check_boxes(Position at, const Campaign& campaign, Mistakes& mistakes) {
    const std::vector<SelectionRegion> regions = selection_regions(campaign);
    std::set<std::string> names;
    for (const auto& section : campaign.unbinned) names.insert(section.name);
    for (const auto& section : campaign.binned) names.insert(section.region.name);
    for (const SelectionRegion& region : regions) {
        if (region.kind == SelectionRegion::Kind::thin && names.contains(region.name)) {
            mistakes.add(at, "region." + region.name +
                                 " (is the name of the region for events that reference.max_ratio "
                                 "moves out of the unbinned one; choose another)");
        }
        if (!has_mistake(region) && is_empty(box_of(region))) {
            mistakes.add(at, "region." + region.name +
                                 " (no event can be in it: its limits on one observable exclude "
                                 "each other; look at where, edges and reference.max_ratio)");
        }
    }
    const bool complete = std::ranges::none_of(regions, [](const SelectionRegion& region) {
        return !region.edges.empty() && region.observable.empty();  // told already
    });
    if (!complete) return;
    for (const std::string& line : overlaps(regions)) mistakes.add(at, line);
}

void check_data(Position at, const Campaign& campaign, Mistakes& mistakes) {
    for (const BinnedRegionSection& section : campaign.binned) {
        if (!section.from_events) continue;
        const std::string path = "region." + section.region.name;
        const bool has_events = campaign.has_events() || mistakes.about("events.");
        if (!has_events || campaign.processes.empty()) {
            mistakes.add(at, path +
                                 " (has no [[region.sample]], so it is filled with the events of "
                                 "the processes; but there are no [events] and [[process]]es)");
        }
        if (section.observed && !campaign.data.sample.empty()) {
            mistakes.add(at, path +
                                 ".observed (the events of data.sample are counted; leave one "
                                 "of the two out)");
        }
    }
}

void check_use_of_preselection(const ConfigNode& root,
                               const Campaign& campaign,
                               Mistakes& mistakes) {
    const auto position = [&](const char* table) {
        const ConfigMember* member = root.find(table);
        return member == nullptr ? Position{} : member->position;
    };
    if (campaign.reference.max_ratio > 0.0 && !campaign.preselection) {
        mistakes.add(position("reference"),
                     "reference.max_ratio (needs a [preselection]: its nets say how thin the "
                     "reference is)");
    }
    if (campaign.reference.max_ratio > 0.0 && trained_region(campaign) == nullptr) {
        mistakes.add(position("reference"),
                     "reference.max_ratio (there is no unbinned region whose ratios are trained)");
    }
    if (campaign.preselection && mistakes.empty() && !RegionCuts(campaign).needs_scores()) {
        mistakes.add(position("preselection"),
                     "preselection (nothing uses it: cut on score, max_ratio or p_<class> in the "
                     "'where' of a region, bin a region in it, or set reference.max_ratio)");
    }
}

/// The names an observable could have had.
std::vector<std::string> known_observables(const Campaign& campaign, const SampleInfo& sample) {
    std::vector<std::string> known = sample.column_names;
    if (!campaign.preselection) return known;
    known.insert(known.end(), {"score", "max_ratio"});
    for (const auto& one : campaign.preselection->classes) known.push_back("p_" + one.name);
    return known;
}

}  // namespace

std::vector<std::string> overlaps(const std::vector<SelectionRegion>& regions) {
    std::vector<std::string> lines;
    for (std::size_t b = 1; b < regions.size(); ++b) {
        for (std::size_t a = 0; a < b; ++a) {
            const bool told = regions[a].kind == SelectionRegion::Kind::thin &&
                              meet(regions[a - 1], regions[b]);  // its trained region
            if (told || !meet(regions[a], regions[b])) continue;
            lines.push_back(
                "region." + regions[b].name + " (overlaps region '" + regions[a].name +
                "': an event could be in both; separate them in one observable with 'where', for "
                "example mass = [100.0, 200.0] in one and mass = [200.0, inf] in the other)");
        }
    }
    return lines;
}

void check_selection(const ConfigNode& root, const Campaign& campaign, Mistakes& mistakes) {
    const ConfigMember* regions = root.find("region");
    const Position at = regions == nullptr ? Position{} : regions->position;
    check_trained(at, campaign, mistakes);
    for (const UnbinnedRegionSection& region : campaign.unbinned) {
        if (region.where.empty() || campaign.has_events() || mistakes.about("events.")) continue;
        mistakes.add(at, "region." + region.name +
                             ".where (there are no [events] to select from; a ratio file has its "
                             "events selected already)");
    }
    if (!mistakes.about("region.")) check_boxes(at, campaign, mistakes);
    check_data(at, campaign, mistakes);
    check_use_of_preselection(root, campaign, mistakes);
}

std::vector<std::string> unknown_observables(const Campaign& campaign,
                                             const std::vector<SampleInfo>& samples) {
    std::vector<std::string> lines;
    const auto check = [&](const std::string& where, const std::string& name, bool is_column) {
        std::string lacking;
        std::size_t count = 0;
        std::vector<std::string> known;
        for (const SampleInfo& sample : samples) {
            known = is_column ? sample.column_names : known_observables(campaign, sample);
            if (std::ranges::find(known, name) != known.end()) continue;
            lacking += (lacking.empty() ? "'" : "', '") + sample.name;
            ++count;
        }
        if (count == 0) return;
        const bool scored = is_preselected(name) && !campaign.preselection;
        const std::string advice = scored ? "; a [preselection] gives it, but there is none"
                                   : count == samples.size() ? known_names(name, known)
                                                             : "; the other samples have one";
        lines.push_back(where + ": there is no column '" + name + "' in " +
                        (count == samples.size() ? "the samples" : "sample " + lacking + "'") +
                        advice);
    };
    for (const SelectionRegion& region : selection_regions(campaign)) {
        if (region.kind == SelectionRegion::Kind::thin) continue;  // the same as the trained one
        std::set<std::string> names;
        for (const Cut& cut : region.cuts) names.insert(cut.observable);
        for (const std::string& name : names) check("region." + region.name, name, false);
    }
    if (!campaign.preselection) return lines;
    for (const std::string& name : campaign.preselection->features) {
        check("preselection.features", name, true);
    }
    return lines;
}

std::vector<std::string> unknown_labels(const Campaign& campaign,
                                        const std::vector<SampleInfo>& samples) {
    std::set<std::string> names;
    for (const SampleInfo& sample : samples) {
        const std::vector<std::string> observables = known_observables(campaign, sample);
        names.insert(observables.begin(), observables.end());
        for (const auto& more : {sample.columns.levels.names, sample.columns.particles.names}) {
            names.insert(more.begin(), more.end());
        }
    }
    std::vector<std::string> lines;
    if (names.empty()) return lines;
    const std::vector<std::string> known(names.begin(), names.end());
    for (const auto& [name, label] : campaign.labels.features) {
        if (names.contains(name)) continue;
        lines.push_back("labels.features." + name + ": there is no such column in the samples" +
                        known_names(name, known));
    }
    return lines;
}

}  // namespace ratiofarm
