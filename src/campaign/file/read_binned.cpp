// [[region]] with type = "binned", its samples, and [labels].
#include "read_binned.hpp"

#include <algorithm>

#include "ratiofarm/core/errors.hpp"

#include "read_cuts.hpp"

namespace ratiofarm {
namespace {

/// Reads the samples of one region; the first sample says how many bins there are.
class SampleReader {
public:
    SampleReader(const std::vector<std::string>& parameters, Mistakes& mistakes)
        : parameters_(parameters), mistakes_(mistakes) {}

    BinnedSample read(const ConfigNode& node, const std::string& path, std::size_t n_bins) const {
        const TableReader table(&node, "region.sample", path, mistakes_);
        BinnedSample sample;
        if (!table.present()) return sample;
        table.require("name", "for example name = \"background\"");
        table.name("name", sample.name);
        table.require("contents", "expected events in each bin, for example contents = [12.0]");
        if (table.numbers("contents", {}, sample.contents)) {
            if (n_bins == 0) n_bins = sample.contents.size();
            if (n_bins == 0) table.wrong("contents", "must have at least one bin");
            check_size(table, "contents", sample.contents.size(), n_bins);
        }
        read_coefficient(table, sample);
        for_each(table, "yields", [&](const ConfigNode& item, const std::string& at) {
            sample.yields.push_back(read_yield(item, at));
        });
        for_each(table, "shapes", [&](const ConfigNode& item, const std::string& at) {
            sample.shapes.push_back(read_shape(item, at, n_bins));
        });
        for_each(table, "factors", [&](const ConfigNode& item, const std::string& at) {
            sample.factors.push_back(read_factors(item, at, n_bins));
        });
        return sample;
    }

private:
    static void check_size(const TableReader& table,
                           std::string_view key,
                           std::size_t size,
                           std::size_t n_bins) {
        if (size == n_bins || n_bins == 0) return;
        table.wrong(key, std::to_string(size) + " numbers, the region has " +
                             std::to_string(n_bins) + " bins; must be one each");
    }

    template <class Read>
    void for_each(const TableReader& table, std::string_view key, Read read) const {
        const ConfigNode* node = table.find(key);
        if (node == nullptr) return;
        const auto* items = node->get_if<ConfigNode::Array>();
        if (items == nullptr) {
            table.wrong(key, "must be an array, one entry for each effect");
            return;
        }
        for (std::size_t i = 0; i < items->size(); ++i) {
            read((*items)[i], table.path(key) + "[" + std::to_string(i) + "]");
        }
    }

    void read_coefficient(const TableReader& table, BinnedSample& sample) const {
        std::string text = "1";
        if (table.find("coefficient") != nullptr && !table.text("coefficient", text)) return;
        try {
            sample.coefficient = Coefficient::parse(text, parameters_);
        } catch (const ConfigError& error) {
            std::string why = error.what();
            const std::string repeated = "coefficient '" + text + "': ";
            if (why.starts_with(repeated)) why.erase(0, repeated.size());
            table.wrong("coefficient", why);
        }
    }

    void read_parameter(const TableReader& table, std::string& name) const {
        if (table.require("parameter", "the nuisance parameter of this effect") == nullptr ||
            !table.text("parameter", name)) {
            return;
        }
        if (std::find(parameters_.begin(), parameters_.end(), name) == parameters_.end()) {
            table.wrong("parameter", "no such parameter" + known_names(name, parameters_));
        }
    }

    BinnedYieldEffect read_yield(const ConfigNode& node, const std::string& path) const {
        const TableReader table(&node, "region.sample.yields", path, mistakes_);
        BinnedYieldEffect effect;
        if (!table.present()) return effect;
        read_parameter(table, effect.parameter);
        const NumberLimits positive{.low = 0.0, .low_allowed = false};
        table.require("up", "the factor at +1, for example up = 1.1");
        table.require("down", "the factor at -1, for example down = 0.9");
        table.number("up", positive, effect.anchors.up);
        table.number("down", positive, effect.anchors.down);
        table.word("code", effect.code);
        return effect;
    }

    BinnedShapeEffect read_shape(const ConfigNode& node,
                                 const std::string& path,
                                 std::size_t n_bins) const {
        const TableReader table(&node, "region.sample.shapes", path, mistakes_);
        BinnedShapeEffect effect;
        if (!table.present()) return effect;
        read_parameter(table, effect.parameter);
        table.require("up", "the contents of all bins at +1");
        table.require("down", "the contents of all bins at -1");
        if (table.numbers("up", {}, effect.up)) check_size(table, "up", effect.up.size(), n_bins);
        if (table.numbers("down", {}, effect.down)) {
            check_size(table, "down", effect.down.size(), n_bins);
        }
        table.word("code", effect.code);
        if (!is_additive(effect.code)) {
            table.wrong("code", "must be one of code0, code2, code4p: shapes are added");
        }
        return effect;
    }

    /// An array of parameter names, one per bin; an empty text leaves its bin unchanged.
    BinFactors read_factors(const ConfigNode& node,
                            const std::string& path,
                            std::size_t n_bins) const {
        BinFactors factors;
        const auto* items = node.get_if<ConfigNode::Array>();
        if (items == nullptr) {
            mistakes_.wrong(node, path, "must be an array of parameters, one per bin");
            return factors;
        }
        for (std::size_t b = 0; b < items->size(); ++b) {
            const ConfigNode& item = (*items)[b];
            const std::string at = path + "[" + std::to_string(b) + "]";
            const auto* name = item.get_if<std::string>();
            if (name == nullptr) {
                mistakes_.wrong(item, at, "must be a parameter in quotes, or \"\" for none");
                continue;
            }
            factors.parameters.push_back(*name);
            const bool known =
                std::find(parameters_.begin(), parameters_.end(), *name) != parameters_.end();
            if (!name->empty() && !known) {
                mistakes_.wrong(item, at, "no such parameter" + known_names(*name, parameters_));
            }
        }
        if (items->size() != n_bins && n_bins > 0) {
            mistakes_.add(node.position, path + " has " + std::to_string(items->size()) +
                                             " entries, the region has " + std::to_string(n_bins) +
                                             " bins (must be one each)");
        }
        return factors;
    }

    const std::vector<std::string>& parameters_;
    Mistakes& mistakes_;
};

void read_samples(const TableReader& table,
                  const std::vector<std::string>& parameters,
                  BinnedRegion& region) {
    const ConfigNode* node =
        table.require("sample",
                      "one section [[region.sample]] for each, with name and contents; or "
                      "'observable' and 'edges', and the region is filled with events");
    if (node == nullptr) return;
    const auto* items = node->get_if<ConfigNode::Array>();
    if (items == nullptr || items->empty()) {
        return table.wrong("sample", "must be written as sections [[region.sample]]");
    }
    const SampleReader reader(parameters, table.mistakes());
    for (std::size_t i = 0; i < items->size(); ++i) {
        const ConfigMember* name = (*items)[i].find("name");
        const auto* text = name == nullptr ? nullptr : name->value.get_if<std::string>();
        const bool good = text != nullptr && is_plain_name(*text);
        const std::string path =
            table.path("sample") + (good ? "." + *text : "[" + std::to_string(i) + "]");
        const bool twice = good && std::any_of(region.samples.begin(), region.samples.end(),
                                               [&](const auto& s) { return s.name == *text; });
        if (twice) table.mistakes().wrong(name->value, path + ".name", "another sample has it");
        region.samples.push_back(reader.read((*items)[i], path, region.n_bins()));
    }
}

/// Limits of the bins; the outer ones may be infinite.
void read_edges(const TableReader& table, BinnedRegionSection& section) {
    table.text("observable", section.observable);
    const ConfigNode* node = table.find("edges");
    if (node == nullptr) return;
    const auto* items = node->get_if<ConfigNode::Array>();
    if (items == nullptr) return table.wrong("edges", "must be an array of numbers in brackets");
    std::vector<double> edges;
    for (std::size_t i = 0; i < items->size(); ++i) {
        const std::string path = table.path("edges") + "[" + std::to_string(i) + "]";
        const auto edge = read_limit((*items)[i], path, table.mistakes());
        if (!edge) return;
        edges.push_back(*edge);
    }
    section.edges = std::move(edges);
    const std::size_t n_bins = section.region.n_bins();
    const bool ascending = std::adjacent_find(section.edges.begin(), section.edges.end(),
                                              std::greater_equal<>()) == section.edges.end();
    if (section.from_events && (!ascending || section.edges.size() < 2)) {
        table.wrong("edges", "must be two or more ascending numbers, one more than there are bins");
    } else if (!ascending || (n_bins > 0 && section.edges.size() != n_bins + 1)) {
        table.wrong("edges", "must be " + std::to_string(n_bins + 1) + " ascending numbers");
    }
}

/// A region without samples of its own is filled with the events of the processes.
void read_filling(const TableReader& table, BinnedRegionSection& section) {
    section.from_events = table.find("sample") == nullptr &&
                          (table.find("edges") != nullptr || table.find("where") != nullptr ||
                           table.find("mc_stat") != nullptr);
    if (!section.from_events) {
        for (const char* key : {"where", "mc_stat"}) {
            if (table.find(key) == nullptr) continue;
            table.wrong(key, "only for a region that is filled with events; this one has contents");
        }
        return;
    }
    section.where = read_cuts(table);
    table.flag("mc_stat", section.mc_stat);
    if (table.find("edges") != nullptr) {
        table.require("observable", "the observable of the edges, a column or \"score\"");
    } else if (table.find("observable") != nullptr) {
        table.require("edges", "the limits of the bins, for example edges = [0.0, 1.0, 2.0]");
    }
}

}  // namespace

BinnedRegionSection read_binned_region(const ConfigNode& node,
                                       const std::string& path,
                                       const std::vector<std::string>& parameters,
                                       Mistakes& mistakes) {
    const TableReader table(&node, "region (binned)", path, mistakes);
    BinnedRegionSection section;
    table.require("name", "for example name = \"CR\"");
    table.name("name", section.region.name);
    read_filling(table, section);
    if (!section.from_events) read_samples(table, parameters, section.region);
    read_edges(table, section);
    std::vector<double> observed;
    if (table.numbers("observed", {.low = 0.0}, observed)) {
        const std::size_t n_bins =
            section.from_events ? bins_to_fill(section) : section.region.n_bins();
        if (observed.size() != n_bins && n_bins > 0) {
            table.wrong("observed", std::to_string(observed.size()) + " numbers, the region has " +
                                        std::to_string(n_bins) + " bins; must be one each");
        }
        section.observed = std::move(observed);
    }
    return section;
}

LabelsSection read_labels(const ConfigNode& root, Mistakes& mistakes) {
    const ConfigMember* member = root.find("labels");
    const TableReader table(member == nullptr ? nullptr : &member->value, "labels", "labels",
                            mistakes);
    LabelsSection labels;
    const auto read = [&](std::string_view key, LabelsSection::Labels& target) {
        const ConfigNode* node = table.find(key);
        if (node == nullptr) return;
        const auto* entries = node->get_if<ConfigNode::Table>();
        if (entries == nullptr) {
            return table.wrong(key, "must be a table from names to texts, { mu = \"#mu\" }");
        }
        for (const ConfigMember& entry : *entries) {
            const auto* text = entry.value.get_if<std::string>();
            if (text == nullptr || text->empty()) {
                mistakes.wrong(entry.value, table.path(key) + "." + entry.key,
                               "must be a text in quotes, not empty");
                continue;
            }
            target.emplace_back(entry.key, *text);
        }
    };
    read("parameters", labels.parameters);
    read("regions", labels.regions);
    read("samples", labels.samples);
    read("features", labels.features);
    return labels;
}

}  // namespace ratiofarm
