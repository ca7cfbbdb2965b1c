// [[morphing]]: coefficients of processes that were simulated at anchor points.
#include <algorithm>

#include "ratiofarm/core/errors.hpp"

#include "morphing.hpp"
#include "section_readers.hpp"

namespace ratiofarm {
namespace {

std::vector<Coefficient> read_formulas(const TableReader& table,
                                       std::string_view key,
                                       const Campaign& campaign) {
    std::vector<std::string> texts;
    std::vector<Coefficient> formulas;
    if (!table.texts(key, texts)) return formulas;
    for (const std::string& text : texts) {
        try {
            formulas.push_back(Coefficient::parse(text, parameter_names(campaign)));
        } catch (const ConfigError& error) {
            table.wrong(key, error.what());
        }
    }
    return formulas;
}

std::vector<MorphingAnchor> read_anchors(const TableReader& table, const Campaign& campaign) {
    const ConfigNode* node =
        table.require("anchors",
                      "where each process was simulated, for example anchors = { SBI = "
                      "{ mu = 1.0 }, B = { mu = 0.0 } }");
    if (node == nullptr) return {};
    const auto* members = node->get_if<ConfigNode::Table>();
    if (members == nullptr) {
        table.wrong("anchors", "must be a table of processes and points");
        return {};
    }
    const std::vector<std::string> names = parameter_names(campaign);
    std::vector<MorphingAnchor> anchors;
    for (const ConfigMember& member : *members) {
        const std::string path = table.path("anchors") + "." + member.key;
        MorphingAnchor anchor{member.key, {}};
        const auto* point = member.value.get_if<ConfigNode::Table>();
        if (point == nullptr) {
            table.mistakes().wrong(member.value, path, "must be a point like { mu = 1.0 }");
            continue;
        }
        for (const ConfigMember& value : *point) {
            if (std::find(names.begin(), names.end(), value.key) == names.end()) {
                table.mistakes().wrong(value.value, path + "." + value.key,
                                       "no such parameter" + known_names(value.key, names));
            }
            const auto number =
                read_number(value.value, {}, path + "." + value.key, table.mistakes());
            if (number) anchor.point.emplace_back(value.key, *number);
        }
        anchors.push_back(std::move(anchor));
    }
    return anchors;
}

/// Gives each anchored process its coefficient.
void assign(const TableReader& table,
            const std::vector<Coefficient>& terms,
            const std::vector<MorphingAnchor>& anchors,
            Campaign& campaign) {
    const auto coefficients = morphing_coefficients(terms, anchors);
    std::vector<std::string> names;
    for (const ProcessSection& process : campaign.processes) names.push_back(process.name);
    for (std::size_t a = 0; a < anchors.size(); ++a) {
        const auto found = std::find(names.begin(), names.end(), anchors[a].process);
        if (found == names.end()) {
            table.wrong("anchors", "no such process '" + anchors[a].process + "'" +
                                       known_names(anchors[a].process, names));
            continue;
        }
        ProcessSection& process =
            campaign.processes[static_cast<std::size_t>(found - names.begin())];
        if (process.coefficient != Coefficient::parse("1", {})) {
            table.wrong("anchors", "process '" + process.name +
                                       "' has a coefficient of its own; remove one of the two");
            continue;
        }
        process.coefficient = coefficients[a];
    }
}

void read_one(const ConfigNode& node, Campaign& campaign, Mistakes& mistakes) {
    const TableReader table(&node, "morphing", "morphing", mistakes);
    if (!table.present()) return;
    const std::size_t before = mistakes.size();
    const bool by_amplitude = table.find("amplitude") != nullptr;
    if (by_amplitude == (table.find("terms") != nullptr)) {
        mistakes.add(node.position,
                     "morphing (either amplitude, for example amplitude = [\"sqrt(mu)\", \"1\"], "
                     "whose products are the terms, or terms = [\"mu\", \"sqrt(mu)\", \"1\"])");
        return;
    }
    std::vector<Coefficient> terms =
        read_formulas(table, by_amplitude ? "amplitude" : "terms", campaign);
    const std::vector<MorphingAnchor> anchors = read_anchors(table, campaign);
    if (mistakes.size() != before) return;
    if (by_amplitude) terms = terms_of_amplitude(terms);
    if (terms.size() != anchors.size()) {
        table.wrong("anchors", "must be " + std::to_string(terms.size()) +
                                   " processes, as many as there are terms");
        return;
    }
    try {
        assign(table, terms, anchors, campaign);
    } catch (const ConfigError& error) {
        table.wrong("anchors", error.what());
    }
}

}  // namespace

void read_morphing(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    for_each_section(root, "morphing", mistakes, [&](const ConfigNode& node, const std::string&) {
        read_one(node, campaign, mistakes);
    });
}

}  // namespace ratiofarm
