// [preselection]: the classifier that says where the unbinned likelihood is used.
#include <algorithm>
#include <set>

#include "campaign/selection/counted_effects.hpp"
#include "campaign/training_planner.hpp"

#include "section_readers.hpp"

namespace ratiofarm {
namespace {

std::vector<std::string> class_names(const PreselectionSection& section) {
    std::vector<std::string> names;
    for (const auto& one : section.classes) names.push_back(one.name);
    return names;
}

/// Where the processes of a class are read.
struct ClassPlace {
    const TableReader& table;
    const std::string& path;
    const std::vector<std::string>& known;
};

std::vector<std::string> read_members(const ClassPlace& place,
                                      const ConfigNode& node,
                                      std::set<std::string>& seen) {
    Mistakes& mistakes = place.table.mistakes();
    std::vector<std::string> names;
    const auto* items = node.get_if<ConfigNode::Array>();
    if (items == nullptr || items->empty()) {
        mistakes.wrong(node, place.path, "must be a list of processes, [\"S\"]");
        return names;
    }
    for (const ConfigNode& item : *items) {
        const auto* name = item.get_if<std::string>();
        if (name == nullptr || !is_known(*name, place.known)) {
            mistakes.wrong(
                item, place.path,
                "no such process" + known_names(name == nullptr ? "" : *name, place.known));
            continue;
        }
        if (!seen.insert(*name).second) {
            mistakes.wrong(item, place.path, "a process belongs to one class and is listed once");
        }
        names.push_back(*name);
    }
    return names;
}

/// classes = { signal = ["S"], background = ["B"] }; each process in one of them.
void read_classes(const TableReader& table, const Campaign& campaign, PreselectionSection& to) {
    std::vector<std::string> processes;
    for (const ProcessSection& process : campaign.processes) processes.push_back(process.name);
    const ConfigNode* node = table.find("classes");
    if (node == nullptr) {
        for (const std::string& name : processes) to.classes.push_back({name, {name}});
        return;
    }
    const auto* members = node->get_if<ConfigNode::Table>();
    if (members == nullptr) {
        return table.wrong("classes",
                           "must be a table of lists of processes, { signal = [\"S\"], background "
                           "= [\"B\"] }");
    }
    std::set<std::string> seen;
    for (const ConfigMember& member : *members) {
        const std::string path = table.path("classes") + "." + member.key;
        auto& one = to.classes.emplace_back();
        one.name = member.key;
        if (!is_plain_name(member.key)) {
            table.mistakes().wrong(member.value, path,
                                   "must be a name: " + std::string(plain_name_rule));
        }
        one.processes = read_members({table, path, processes}, member.value, seen);
    }
    for (const std::string& name : processes) {
        if (seen.contains(name)) continue;
        table.wrong("classes", "process '" + name + "' is in no class; each belongs to one");
    }
}

/// The classes that vanish with the parameter of interest, if some do and some do not.
std::vector<std::string> default_signal(const Campaign& campaign, const PreselectionSection& of) {
    std::vector<std::string> signal;
    for (const auto& one : of.classes) {
        const bool vanishes = std::ranges::all_of(one.processes, [&](const std::string& name) {
            return coefficient_at_start(campaign.process(name).coefficient, campaign,
                                        campaign.inference.poi) == 0.0;
        });
        if (vanishes) signal.push_back(one.name);
    }
    if (signal.size() == of.classes.size()) signal.clear();
    return signal;
}

void read_signal(const TableReader& table, const Campaign& campaign, PreselectionSection& to) {
    const std::vector<std::string> names = class_names(to);
    if (table.find("signal") == nullptr) {
        if (table.mistakes().empty()) to.signal = default_signal(campaign, to);
        if (table.mistakes().empty() && to.signal.empty()) {
            table.require("signal",
                          "the classes in the numerator of the score, for example signal = [\"" +
                              names.front() + "\"]; not all or none of them vanish where '" +
                              campaign.inference.poi + "' is 0, so there is no default");
        }
        return;
    }
    if (!table.texts("signal", to.signal)) return;
    for (const std::string& name : to.signal) {
        if (std::ranges::find(names, name) != names.end()) continue;
        table.wrong("signal", "no such class '" + name + "'" + known_names(name, names));
    }
    const std::set<std::string> once(to.signal.begin(), to.signal.end());
    if (once.size() != to.signal.size()) table.wrong("signal", "a class is listed once");
    if (once.empty() || once.size() == names.size()) {
        table.wrong("signal", "must name some of the classes, not none and not all");
    }
}

void read_weights(const TableReader& table, PreselectionSection& to) {
    const std::vector<std::string> names = class_names(to);
    for (const std::string& name : names) to.weights.emplace_back(name, 1.0);
    const ConfigNode* node = table.find("weights");
    if (node == nullptr) return;
    const auto* members = node->get_if<ConfigNode::Table>();
    if (members == nullptr) {
        return table.wrong("weights", "must be a table of classes and numbers, { S = 1.0 }");
    }
    for (const ConfigMember& member : *members) {
        const std::string path = table.path("weights") + "." + member.key;
        const auto weight =
            read_number(member.value, {.low = 0.0, .low_allowed = false}, path, table.mistakes());
        const auto found = std::ranges::find(to.weights, member.key,
                                             [](const auto& entry) { return entry.first; });
        if (found == to.weights.end()) {
            table.mistakes().wrong(member.value, path,
                                   "no such class" + known_names(member.key, names));
        } else if (weight) {
            found->second = *weight;
        }
    }
}

/// Names of its observables mean nothing else.
void check_class_names(const TableReader& table, const Campaign& campaign) {
    const PreselectionSection& section = *campaign.preselection;
    std::vector<std::string> names{"score", "max_ratio"};
    for (const auto& one : section.classes) names.push_back("p_" + one.name);
    for (const std::string& feature : campaign.events.features) {
        if (std::ranges::find(names, feature) == names.end()) continue;
        table.mistakes().add({}, table.path() + " (its observable '" + feature +
                                     "' has the name of one of events.features; rename the column "
                                     "or the class)");
    }
    for (const ProcessSection& process : campaign.processes) {
        if (process.name != preselection_ensemble) continue;
        table.mistakes().add({}, table.path() + " (no process may have the name '" + process.name +
                                     "', which the nets of the preselection have)");
    }
}

}  // namespace

void read_preselection(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    const TableReader table = section(root, "preselection", mistakes);
    if (!table.present()) return;
    PreselectionSection to;
    to.features = campaign.events.features;
    if (table.texts("features", to.features)) {
        const std::set<std::string> once(to.features.begin(), to.features.end());
        if (once.size() != to.features.size()) {
            table.wrong("features", "must name each column once");
        } else if (to.features.empty()) {
            table.wrong("features", "must name at least one column");
        }
    }
    read_classes(table, campaign, to);
    if (to.classes.size() < 2) {
        const std::string why = "a classifier needs at least two classes";
        if (table.find("classes") != nullptr) table.wrong("classes", why);
        if (table.find("classes") == nullptr) mistakes.add({}, "preselection (" + why + ")");
    } else {
        read_signal(table, campaign, to);
    }
    read_weights(table, to);
    const std::uint64_t folds = std::max(campaign.split.folds, 1U);
    table.whole("members", {1, most_ensemble_nets / folds}, to.members);
    to.network = campaign.network;
    to.network.inputs = static_cast<std::uint32_t>(to.features.size());
    to.network.outputs = static_cast<std::uint32_t>(to.classes.size());
    read_own_nets(table, campaign, to.network, to.training);
    if (to.features.empty() && !reads_lists(to.network) && !mistakes.about("events.features") &&
        !mistakes.about("preselection.features")) {
        mistakes.add({},
                     "preselection.features is not given (events.features is empty, and its "
                     "nets read no particle lists: name columns, or a network that reads "
                     "lists)");
    }
    campaign.preselection = std::move(to);
    check_class_names(table, campaign);
}

}  // namespace ratiofarm
