// [unfolding]: iterations that make the simulation look like the data.
#include <algorithm>
#include <array>
#include <set>

#include "read_cuts.hpp"
#include "section_readers.hpp"
#include "section_writers.hpp"
#include "toml_writer.hpp"

namespace ratiofarm {
namespace {

/// Tables that speak of a likelihood or of nets that an unfolding does not have.
constexpr std::array not_with_unfolding{
    "parameters",   "process",  "morphing", "systematic", "systematics", "region",    "reference",
    "preselection", "ensemble", "search",   "data",       "inference",   "finite_mc", "simulate"};

/// \return the entries of a table, or of an array of tables
template <class List>
const List* entries(const TableReader& table, std::string_view key, const char* form) {
    const ConfigNode* node = table.find(key);
    if (node == nullptr) return nullptr;
    const auto* list = node->get_if<List>();
    if (list == nullptr) table.wrong(key, form);
    return list;
}

void expect_distinct(const TableReader& table,
                     const char* key,
                     const std::vector<std::string>& names) {
    const std::set<std::string> once(names.begin(), names.end());
    if (once.size() != names.size()) table.wrong(key, "names one twice");
}

std::vector<double> read_bin_edges(const TableReader& table) {
    std::vector<double> edges;
    const ConfigNode* node = table.require("edges",
                                           "the limits of the bins, for example edges = "
                                           "[0.0, 10.0, 20.0]");
    if (node == nullptr) return edges;
    const auto* items = node->get_if<ConfigNode::Array>();
    if (items == nullptr) {
        table.wrong("edges", "must be an array of numbers in brackets");
        return edges;
    }
    for (std::size_t i = 0; i < items->size(); ++i) {
        const std::string path = table.path("edges") + "[" + std::to_string(i) + "]";
        const auto edge = read_limit((*items)[i], path, table.mistakes());
        if (!edge) return edges;
        edges.push_back(*edge);
    }
    const bool ascending = std::ranges::adjacent_find(edges, std::greater_equal<>()) == edges.end();
    if (edges.size() < 2 || !ascending) {
        table.wrong("edges", "must be two or more ascending numbers, one more than there are bins");
    }
    return edges;
}

void read_observables(const TableReader& table,
                      const Campaign& campaign,
                      UnfoldingSection& section) {
    const auto* items = entries<ConfigNode::Array>(
        table, "observable", "must be written as sections [[unfolding.observable]]");
    if (items == nullptr) return;
    for (std::size_t i = 0; i < items->size(); ++i) {
        const TableReader one(&(*items)[i], "unfolding.observable",
                              table.path("observable") + "[" + std::to_string(i) + "]",
                              table.mistakes());
        if (!one.present()) continue;
        UnfoldingSection::Observable observable;
        one.require("column", "a column of the truth, for example column = \"pt\"");
        one.text("column", observable.column);
        const auto& features = campaign.events.features;
        if (one.text("reco", observable.reco) &&
            std::ranges::find(features, observable.reco) == features.end()) {
            one.wrong("reco",
                      "is none of events.features" + known_names(observable.reco, features));
        }
        observable.edges = read_bin_edges(one);
        const auto same = std::ranges::find(section.observables, observable.column,
                                            &UnfoldingSection::Observable::column);
        if (same != section.observables.end() && !observable.column.empty()) {
            one.wrong("column", "another observable has it; give both their bins in one");
        }
        section.observables.push_back(std::move(observable));
    }
}

/// By other weights of unfolded.h5, or other sources of errors.
bool is_taken(std::string_view name) {
    constexpr std::array<std::string_view, 4> sources{"nominal", "data", "mc", "members"};
    return std::ranges::find(sources, name) != sources.end() || name.starts_with("bootstrap_") ||
           name.starts_with("ensemble_") || name.ends_with("_crc");
}

void check_variation_name(const TableReader& table,
                          const std::vector<ConfigMember>& members,
                          const ConfigMember& member) {
    const std::string path = table.path("variation") + "." + member.key;
    if (!is_plain_name(member.key) || is_taken(member.key)) {
        table.mistakes().add(
            member.position,
            path + " (must be a name: " + std::string(plain_name_rule) +
                "; 'nominal', 'data', 'mc' and 'members', what begins with 'bootstrap_' or "
                "'ensemble_' or ends with '_crc' are names of other weights and errors)");
    }
    const auto has = [&](const std::string& key) {
        return std::ranges::find(members, key, &ConfigMember::key) != members.end();
    };
    if (has(member.key + "_up") && has(member.key + "_down")) {
        table.mistakes().add(member.position, path + " (is what its sides " + member.key +
                                                  "_up and " + member.key +
                                                  "_down are called together; give it another "
                                                  "name)");
    }
}

void read_variations(const TableReader& table, UnfoldingSection& section) {
    const auto* members = entries<ConfigNode::Table>(
        table, "variation", "must be a table like { scale_up = { weight = \"w_up\" } }");
    if (members == nullptr) return;
    for (const ConfigMember& member : *members) {
        UnfoldingSection::Variation variation{.name = member.key};
        const std::string path = table.path("variation") + "." + member.key;
        const TableReader one(&member.value, "unfolding.variation.NAME", path, table.mistakes());
        if (!one.present()) continue;
        check_variation_name(table, *members, member);
        const bool by_weight = one.name("weight", variation.weight);
        const bool by_sample = one.name("simulation", variation.simulation);
        if (by_weight && by_sample) {
            one.wrong("simulation", "a variation has other weights or another sample, not both");
        } else if (one.find("weight") == nullptr && one.find("simulation") == nullptr) {
            table.mistakes().wrong(member.value, path,
                                   "needs weight = \"...\", a column of weights of the simulation, "
                                   "or simulation = \"...\", another sample");
        }
        const auto is_same = [&](const UnfoldingSection::Variation& other) {
            return other.weight == variation.weight && other.simulation == variation.simulation;
        };
        if ((by_weight || by_sample) && std::ranges::any_of(section.variations, is_same)) {
            one.wrong(by_weight ? "weight" : "simulation", "another variation has the same");
        }
        if (by_sample &&
            (variation.simulation == section.simulation || variation.simulation == section.data)) {
            one.wrong("simulation", "is the sample of the simulation or the data itself");
            variation.simulation.clear();
        }
        section.variations.push_back(std::move(variation));
    }
}

void check_samples(const TableReader& table, const UnfoldingSection& section) {
    const std::string& start = section.pretraining;
    if (!start.empty() && (start == section.simulation || start == section.data)) {
        table.wrong("pretraining",
                    "'" + start +
                        "' is the simulation or the data itself; nets are pretrained with another "
                        "simulation, for example that of a variation");
    }
    if (!section.data.empty() && section.data == section.simulation) {
        table.wrong("simulation", "is the sample of the data; they must be different events");
    }
    for (const std::string& name : section.background) {
        if (!is_plain_name(name)) {
            table.wrong("background", "must be names of samples: " + std::string(plain_name_rule));
        } else if (name == section.data || name == section.simulation) {
            table.wrong("background", "'" + name + "' is the data or the simulation itself");
        }
    }
    expect_distinct(table, "background", section.background);
    if (section.background_as == BackgroundAs::density && section.background.empty()) {
        table.wrong("background_as", "there is no unfolding.background to subtract");
    }
    for (const std::string& name : section.compare) {
        if (!is_plain_name(name)) {
            table.wrong("compare", "must be names of samples: " + std::string(plain_name_rule));
        } else if (name == section.simulation) {
            table.wrong("compare", "'" + name + "' is the simulation, which is shown anyway");
        }
    }
    expect_distinct(table, "compare", section.compare);
}

/// Samples that were refused: nothing more is told of their events.
void leave_out_wrong_samples(UnfoldingSection& section) {
    const std::string& data = section.data;
    if (section.pretraining == section.simulation || section.pretraining == data) {
        section.pretraining.clear();
    }
    std::erase_if(section.background, [&](const std::string& name) {
        return name == data || name == section.simulation;
    });
    if (section.simulation == data) section.simulation.clear();
}

}  // namespace

void read_unfolding(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    const TableReader table = section(root, "unfolding", mistakes);
    if (!table.present()) return;
    for (const char* name : not_with_unfolding) {
        const ConfigMember* other = root.find(name);
        if (other == nullptr) continue;
        mistakes.add(other->position, std::string(name) +
                                          " (a campaign with [unfolding] has no likelihood and no "
                                          "ratios of processes; leave it out)");
    }
    UnfoldingSection to;
    const KeysRead good = read_keys(table, to);
    if (good.has("truth")) {
        if (to.truth.empty()) table.wrong("truth", "must name at least one column");
        expect_distinct(table, "truth", to.truth);
    }
    check_samples(table, to);
    if (campaign.split.folds > 0) {
        mistakes.add(root.find("split")->position,
                     "split.folds (an unfolding has no cross-fitting; give train, validation and "
                     "inference)");
    }
    for (const char* key : {"replicas_data", "replicas_mc"}) {
        const bool one =
            (key == std::string_view("replicas_data") ? to.replicas_data : to.replicas_mc) == 1;
        if (one) table.wrong(key, "one replica has no spread: 0, or 2 and more");
    }
    read_observables(table, campaign, to);
    read_variations(table, to);
    to.network = campaign.network;
    to.network.inputs = static_cast<std::uint32_t>(to.truth.size());
    to.network.gram = 0;
    read_own_nets(table, campaign, to.network, to.training);
    if (reads_lists(to.network)) {
        table.wrong("network",
                    "the truth has no particle lists; give its nets kind = \"mlp\" without gram");
    }
    leave_out_wrong_samples(to);
    campaign.unfolding = std::move(to);
}

std::string unfolding_toml(const Campaign& campaign) {
    const UnfoldingSection& section = *campaign.unfolding;
    Network inherited = campaign.network;
    inherited.gram = 0;
    TomlWriter out;
    out.section("[unfolding]");
    const UnfoldingSection defaults;
    out.keys(section, &defaults);
    out.section("[unfolding.network]");
    out.keys(section.network, &inherited);
    out.section("[unfolding.training]");
    out.keys(section.training, &campaign.training);
    if (!section.variations.empty()) out.section("[unfolding.variation]");
    for (const auto& variation : section.variations) {
        const bool by_weight = !variation.weight.empty();
        out.raw(key_text(variation.name),
                (by_weight ? "{ weight = " : "{ simulation = ") +
                    toml_text(by_weight ? variation.weight : variation.simulation) + " }");
    }
    for (const auto& observable : section.observables) {
        out.section("[[unfolding.observable]]");
        out.key("column", observable.column);
        if (!observable.reco.empty()) out.key("reco", observable.reco);
        out.key("edges", observable.edges);
    }
    return out.text();
}

}  // namespace ratiofarm
