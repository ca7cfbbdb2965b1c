#include "section_writers.hpp"

#include "toml_writer.hpp"

namespace ratiofarm {
namespace {

/// "mu = 1.0, alpha = 0.5": the inside of an inline table.
std::string values_text(const std::vector<std::pair<std::string, double>>& values) {
    std::string text;
    for (const auto& [name, value] : values) {
        text += (text.empty() ? "" : ", ") + name + " = " + toml_text(value);
    }
    return text;
}

std::string injection_text(const Injection& injection) {
    std::string text = "{ " + values_text(injection.values);
    if (!injection.sample.empty()) text += ", sample = " + toml_text(injection.sample);
    return text + ", name = " + toml_text(injection.name) + " }";
}

}  // namespace

std::string data_toml(const DataSection& data) {
    std::string text = "[data]\n";
    if (!data.sample.empty()) text += "sample = " + toml_text(data.sample) + "\n";
    if (data.blind || (data.sample.empty() && !data.observed)) {
        const std::string values = values_text(data.asimov);
        text += "asimov = { " + values + (values.empty() ? "" : ", ") +
                "source = " + toml_text(word_of(data.source)) + " }\n";
    }
    text += std::string("observed = ") + (data.observed ? "true" : "false") + "\n";
    text += "outside = " + toml_text(word_of(data.outside)) + "\n";
    text += std::string("blind = ") + (data.blind ? "true" : "false") + "\n";
    if (data.injections.empty()) return text;
    text += "injections = [\n";
    for (const Injection& injection : data.injections) {
        text += "    " + injection_text(injection) + ",\n";
    }
    return text + "]\n";
}

std::string preselection_toml(const Campaign& campaign) {
    const PreselectionSection& section = *campaign.preselection;
    TomlWriter out;
    out.section("[preselection]");
    std::string classes;
    for (const auto& one : section.classes) {
        classes +=
            (classes.empty() ? "" : ", ") + key_text(one.name) + " = " + toml_text(one.processes);
    }
    out.raw("classes", "{ " + classes + " }");
    out.key("signal", section.signal);
    out.raw("weights", inline_table(section.weights));
    out.key("features", section.features);
    out.key("members", section.members);
    out.section("[preselection.network]");
    out.keys(section.network, &campaign.network);
    out.section("[preselection.training]");
    out.keys(section.training, &campaign.training);
    return out.text();
}

}  // namespace ratiofarm
