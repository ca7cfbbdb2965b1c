// [[systematic]]: nuisance parameters and what they do.
#include <algorithm>

#include "section_readers.hpp"

namespace ratiofarm {
namespace {

std::vector<std::string> process_names(const Campaign& campaign) {
    std::vector<std::string> names;
    for (const ProcessSection& process : campaign.processes) names.push_back(process.name);
    return names;
}

/// Adds a mistake unless there is such a process.
bool check_process(const ConfigNode& node,
                   const std::string& path,
                   const std::string& name,
                   const Campaign& campaign,
                   Mistakes& mistakes) {
    const std::vector<std::string> names = process_names(campaign);
    if (is_known(name, names)) return true;
    mistakes.wrong(node, path, "no such process" + known_names(name, names));
    return false;
}

/// { up = "S_up", down = "S_down" } or { up_weight = "w_up", down_weight = "w_down" }.
SystematicSection::Shape read_sides(const TableReader& sides, const std::string& process) {
    using Source = SystematicSection::Source;
    SystematicSection::Shape shape{process, {}, {}, Source::samples};
    const bool has_weights =
        sides.find("up_weight") != nullptr || sides.find("down_weight") != nullptr;
    if (!has_weights) {
        sides.require("up", "the sample varied by one standard deviation, up = \"S_up\"");
        sides.require("down", "the sample varied the other way, down = \"S_down\"");
        sides.name("up", shape.up);
        sides.name("down", shape.down);
        return shape;
    }
    shape.source = Source::weights;
    sides.require("up_weight", "the column of varied weights, up_weight = \"scale_up\"");
    sides.require("down_weight", "the column varied the other way, down_weight = \"scale_down\"");
    sides.name("up_weight", shape.up);
    sides.name("down_weight", shape.down);
    for (const char* key : {"up", "down"}) {
        if (sides.find(key) == nullptr) continue;
        sides.wrong(key, "a shape has varied samples or varied weights, not both");
    }
    return shape;
}

/// shape = ["S", "SBI"] or shape = { S = { up = "S_up", down = "S_down" } }.
void read_shapes(const TableReader& table,
                 const ConfigNode& node,
                 const Campaign& campaign,
                 SystematicSection& systematic) {
    Mistakes& mistakes = table.mistakes();
    auto& shapes = systematic.shapes.emplace();
    if (const auto* members = node.get_if<ConfigNode::Table>()) {
        for (const ConfigMember& member : *members) {
            const std::string path = table.path("shape") + "." + member.key;
            check_process(member.value, path, member.key, campaign, mistakes);
            const TableReader sides(&member.value, "systematic.shape", path, mistakes);
            shapes.push_back(read_sides(sides, member.key));
            const auto its =
                std::ranges::find(campaign.processes, member.key, &ProcessSection::name);
            const bool weighted = its != campaign.processes.end() && !its->weight.empty();
            if (!weighted || shapes.back().source == SystematicSection::Source::weights) continue;
            sides.wrong("up", "process '" + member.key +
                                  "' has a weight of its own, so varied samples would have another "
                                  "one; give varied weights, up_weight and down_weight");
        }
        return;
    }
    std::vector<std::string> names;
    if (!table.texts("shape", names)) return;
    for (const std::string& name : names) {
        if (!check_process(node, table.path("shape"), name, campaign, mistakes)) continue;
        const bool twice = std::any_of(shapes.begin(), shapes.end(),
                                       [&](const auto& other) { return other.process == name; });
        if (twice) table.wrong("shape", "'" + name + "' is listed twice");
        shapes.push_back({name, {}, {}});
    }
}

/// yield = { S = { up = 1.1, down = 0.92 } }.
void read_yields(const TableReader& table,
                 const ConfigNode& node,
                 const Campaign& campaign,
                 SystematicSection& systematic) {
    Mistakes& mistakes = table.mistakes();
    auto& yields = systematic.yields.emplace();
    const auto* members = node.get_if<ConfigNode::Table>();
    if (members == nullptr) {
        table.wrong("yield", "must be a table of processes, { S = { up = 1.1, down = 0.92 } }");
        return;
    }
    for (const ConfigMember& member : *members) {
        const std::string path = table.path("yield") + "." + member.key;
        check_process(member.value, path, member.key, campaign, mistakes);
        const TableReader sides(&member.value, "systematic.yield", path, mistakes);
        SystematicSection::Yield yield{member.key, {}};
        const NumberLimits factor{.low = 0.0, .low_allowed = false};
        sides.require("up", "the factor on the yield at +1, for example up = 1.1");
        sides.require("down", "the factor on the yield at -1, for example down = 0.92");
        sides.number("up", factor, yield.factors.up);
        sides.number("down", factor, yield.factors.down);
        yields.push_back(std::move(yield));
    }
}

/// The parameter is declared by [parameters], by an earlier systematic, or here.
void read_parameter_of(const TableReader& table,
                       const ConfigNode& node,
                       const std::string& name,
                       Campaign& campaign) {
    const auto known =
        std::any_of(campaign.parameters.begin(), campaign.parameters.end(),
                    [&](const Parameter& parameter) { return parameter.name == name; });
    if (known) {
        for (const char* key :
             {"start", "range", "fixed", "constraint", "observed", "width", "group"}) {
            if (table.find(key) == nullptr) continue;
            table.wrong(key, "parameter '" + name + "' is described elsewhere; give it there");
        }
        return;
    }
    if (!is_parameter_name(name)) {
        table.mistakes().add(node.position, table.path() + " (its parameter '" + name +
                                                "' must be a name of letters, digits and _ only; "
                                                "give one with parameter = \"...\")");
        return;
    }
    Parameter parameter{.name = name,
                        .start = 0.0,
                        .low = -5.0,
                        .high = 5.0,
                        .constraint = {.kind = Constraint::Kind::gaussian}};
    read_parameter_keys(table, parameter);
    campaign.parameters.push_back(std::move(parameter));
}

/// A parameter may appear in several sections, but not twice for one process.
void check_repeated(const TableReader& table,
                    const SystematicSection& systematic,
                    const Campaign& campaign) {
    const auto overlap = [](const auto& mine, const auto& others) {
        return mine && others && std::any_of(mine->begin(), mine->end(), [&](const auto& a) {
                   return std::any_of(others->begin(), others->end(),
                                      [&](const auto& b) { return a.process == b.process; });
               });
    };
    for (const SystematicSection& other : campaign.systematics) {
        if (other.name == systematic.name) {
            table.wrong("name", "another systematic has this name");
            continue;
        }
        if (other.parameter != systematic.parameter) continue;
        const std::string why =
            "systematic '" + other.name + "' already gives this for the same process and parameter";
        if (overlap(systematic.shapes, other.shapes)) table.wrong("shape", why);
        if (overlap(systematic.yields, other.yields)) table.wrong("yield", why);
        if (!(systematic.shapes && other.shapes) || !(systematic.yields && other.yields)) {
            table.wrong("parameter", "systematic '" + other.name +
                                         "' has the same parameter: then both must name 'shape' "
                                         "and 'yield', which may be empty");
        }
    }
}

void read_systematic(const ConfigNode& node,
                     const std::string& path,
                     Campaign& campaign,
                     Mistakes& mistakes) {
    const TableReader table(&node, "systematic", path, mistakes);
    if (!table.present()) return;
    SystematicSection systematic;
    if (table.require("name", "for example name = \"scale\"") == nullptr ||
        !table.name("name", systematic.name)) {
        return;
    }
    systematic.parameter = "alpha_" + systematic.name;
    table.text("parameter", systematic.parameter);
    if (const auto* shape = table.find("shape")) read_shapes(table, *shape, campaign, systematic);
    if (const auto* yield = table.find("yield")) read_yields(table, *yield, campaign, systematic);
    table.word("shape_code", systematic.shape_code);
    table.word("yield_code", systematic.yield_code);
    read_parameter_of(table, node, systematic.parameter, campaign);
    check_repeated(table, systematic, campaign);
    campaign.systematics.push_back(std::move(systematic));
}

}  // namespace

void read_systematics(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    for_each_section(root, "systematic", mistakes,
                     [&](const ConfigNode& node, const std::string& path) {
                         read_systematic(node, path, campaign, mistakes);
                     });
}

}  // namespace ratiofarm
