// Binned regions and labels as TOML, and what can be asked about them.
#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "campaign/binned_section.hpp"

#include "read_cuts.hpp"
#include "toml_writer.hpp"

namespace ratiofarm {
namespace {

void add_key(std::string& text, std::string_view key, const std::string& value) {
    text += std::string(key) + " = " + value + "\n";
}

/// An array with one entry per line.
void add_array(std::string& text, std::string_view key, const std::vector<std::string>& entries) {
    if (entries.empty()) return;
    text += std::string(key) + " = [\n";
    for (const std::string& entry : entries) text += "    " + entry + ",\n";
    text += "]\n";
}

std::string entry_text(const std::string& parameter,
                       const std::string& up,
                       const std::string& down,
                       Interpolation code) {
    return "{ parameter = " + toml_text(parameter) + ", up = " + up + ", down = " + down +
           ", code = " + toml_text(word_of(code)) + " }";
}

void add_sample(std::string& text, const BinnedSample& sample) {
    text += "\n[[region.sample]]\n";
    add_key(text, "name", toml_text(sample.name));
    add_key(text, "contents", toml_text(sample.contents));
    add_key(text, "coefficient", toml_text(sample.coefficient.text()));
    std::vector<std::string> yields;
    for (const BinnedYieldEffect& effect : sample.yields) {
        yields.push_back(entry_text(effect.parameter, toml_text(effect.anchors.up),
                                    toml_text(effect.anchors.down), effect.code));
    }
    add_array(text, "yields", yields);
    std::vector<std::string> shapes;
    for (const BinnedShapeEffect& effect : sample.shapes) {
        shapes.push_back(entry_text(effect.parameter, toml_text(effect.up), toml_text(effect.down),
                                    effect.code));
    }
    add_array(text, "shapes", shapes);
    std::vector<std::string> factors;
    for (const BinFactors& effect : sample.factors) factors.push_back(toml_text(effect.parameters));
    add_array(text, "factors", factors);
}

void add_labels(std::string& text, std::string_view table, const LabelsSection::Labels& labels) {
    if (labels.empty()) return;
    text += (text.empty() ? "[labels." : "\n[labels.") + std::string(table) + "]\n";
    for (const auto& [name, label] : labels) add_key(text, toml_text(name), toml_text(label));
}

}  // namespace

const std::string& label_of(const LabelsSection::Labels& labels, const std::string& name) {
    const auto found = std::find_if(labels.begin(), labels.end(),
                                    [&](const auto& label) { return label.first == name; });
    return found == labels.end() ? name : found->second;
}

std::vector<std::string> parameters_of(const BinnedRegion& region) {
    std::vector<std::string> names;
    std::unordered_set<std::string_view> seen;  // regions have thousands of factors
    const auto add = [&](const std::string& name) {
        if (!name.empty() && seen.insert(name).second) names.push_back(name);
    };
    for (const BinnedSample& sample : region.samples) {
        for (const auto& term : sample.coefficient.terms) {
            for (const auto& factor : term.factors) add(factor.parameter);
        }
        for (const auto& effect : sample.yields) add(effect.parameter);
        for (const auto& effect : sample.shapes) add(effect.parameter);
        for (const auto& effect : sample.factors) {
            for (const std::string& name : effect.parameters) add(name);
        }
    }
    return names;
}

std::string binned_regions_toml(const std::vector<BinnedRegionSection>& regions) {
    std::string text;
    for (const BinnedRegionSection& section : regions) {
        text += text.empty() ? "[[region]]\n" : "\n[[region]]\n";
        add_key(text, "name", toml_text(section.region.name));
        add_key(text, "type", toml_text("binned"));
        if (section.observed) add_key(text, "observed", toml_text(*section.observed));
        if (!section.edges.empty()) add_key(text, "edges", toml_text(section.edges));
        if (!section.observable.empty()) {
            add_key(text, "observable", toml_text(section.observable));
        }
        if (section.from_events) {
            if (!section.where.empty()) add_key(text, "where", cuts_text(section.where));
            add_key(text, "mc_stat", section.mc_stat ? "true" : "false");
        }
        for (const BinnedSample& sample : section.region.samples) add_sample(text, sample);
    }
    return text;
}

std::string labels_toml(const LabelsSection& labels) {
    std::string text;
    add_labels(text, "parameters", labels.parameters);
    add_labels(text, "regions", labels.regions);
    add_labels(text, "samples", labels.samples);
    add_labels(text, "features", labels.features);
    return text;
}

}  // namespace ratiofarm
