// [parameters.*], [[process]] and [reference]: the statistical model.
#include <algorithm>
#include <cctype>
#include <cmath>

#include "ratiofarm/core/errors.hpp"

#include "section_readers.hpp"

namespace ratiofarm {
namespace {

/// Parameters stand in coefficients, so their names are identifiers there.
bool is_parameter_name(std::string_view name) {
    const auto letter = [](char c) {
        return c == '_' || std::isalpha(static_cast<unsigned char>(c));
    };
    const auto inner = [&](char c) {
        return letter(c) || std::isdigit(static_cast<unsigned char>(c));
    };
    return !name.empty() && letter(name.front()) && std::all_of(name.begin(), name.end(), inner) &&
           name != "sqrt" && name != "source";  // a function, and a key of data.asimov
}

void read_range(const TableReader& table, Parameter& parameter) {
    std::vector<double> range;
    if (table.require("range", "its limits, for example range = [0.0, 10.0]") == nullptr ||
        !table.numbers("range", {}, range)) {
        return;
    }
    if (range.size() != 2 || !(range[0] < range[1])) {
        table.wrong("range", "must be two numbers [low, high] with low < high");
        return;
    }
    parameter.low = range[0];
    parameter.high = range[1];
    if (parameter.start < parameter.low || parameter.start > parameter.high) {
        const std::string what = table.find("start") == nullptr ? "the default start " : "start = ";
        table.wrong("range", "must contain " + what + value_text({parameter.start, {}}));
    }
}

void read_parameter(const ConfigMember& member, Campaign& campaign, Mistakes& mistakes) {
    const std::string path = "parameters." + member.key;
    if (!is_parameter_name(member.key)) {
        mistakes.add(member.position,
                     path +
                         " (a parameter is called by letters, digits and _, not starting with a "
                         "digit; 'sqrt' and 'source' have another meaning)");
        return;
    }
    const TableReader table(&member.value, "parameters.NAME", path, mistakes);
    Parameter parameter{.name = member.key};
    table.number("start", {}, parameter.start);
    table.flag("fixed", parameter.fixed);
    if (table.present()) read_range(table, parameter);
    campaign.parameters.push_back(std::move(parameter));
}

std::vector<std::string> parameter_names(const Campaign& campaign) {
    std::vector<std::string> names;
    for (const Parameter& parameter : campaign.parameters) names.push_back(parameter.name);
    return names;
}

void read_coefficient(const TableReader& table, const Campaign& campaign, ProcessSection& process) {
    std::string text = "1";
    if (table.find("coefficient") != nullptr && !table.text("coefficient", text)) return;
    try {
        process.coefficient = Coefficient::parse(text, parameter_names(campaign));
    } catch (const ConfigError& error) {
        std::string why = error.what();
        const std::string repeated = "coefficient '" + text + "': ";
        if (why.starts_with(repeated)) why.erase(0, repeated.size());
        table.wrong("coefficient", why);
    }
}

void read_process(const ConfigNode& node,
                  const std::string& path,
                  Campaign& campaign,
                  Mistakes& mistakes) {
    const TableReader table(&node, "process", path, mistakes);
    if (!table.present()) return;
    ProcessSection process;
    table.require("name", "for example name = \"S\"");
    if (table.name("name", process.name)) {
        const bool twice =
            std::any_of(campaign.processes.begin(), campaign.processes.end(),
                        [&](const auto& other) { return other.name == process.name; });
        if (twice) table.wrong("name", "another process has this name");
    }
    process.sample = process.name;
    table.name("sample", process.sample);
    double yield = 0.0;
    const std::string sign = "; the sign belongs to the coefficient";
    if (table.number("yield", {.low = 0.0, .low_allowed = false, .hint = sign}, yield)) {
        process.yield = yield;
    }
    read_coefficient(table, campaign, process);
    campaign.processes.push_back(std::move(process));
}

/// "process.S", or "process[1]" for one without a usable name.
std::string process_path(const ConfigNode& node, std::size_t index) {
    const ConfigMember* name = node.find("name");
    const auto* text = name == nullptr ? nullptr : name->value.get_if<std::string>();
    const bool good = text != nullptr && is_plain_name(*text);
    return good ? "process." + *text : "process[" + std::to_string(index) + "]";
}

/// A root has no value below zero, and a parameter in no coefficient cannot be fitted.
void check_use_of_parameters(const ConfigNode& root, const Campaign& campaign, Mistakes& mistakes) {
    for (const Parameter& parameter : campaign.parameters) {
        const ConfigNode& node = root.find("parameters")->value.find(parameter.name)->value;
        const auto uses = [&](const ProcessSection& process) {
            const auto& terms = process.coefficient.terms;
            return std::any_of(terms.begin(), terms.end(), [&](const CoefficientTerm& term) {
                return std::any_of(
                    term.factors.begin(), term.factors.end(),
                    [&](const auto& factor) { return factor.parameter == parameter.name; });
            });
        };
        const auto& processes = campaign.processes;
        const std::string path = "parameters." + parameter.name;
        if (!parameter.fixed && std::none_of(processes.begin(), processes.end(), uses)) {
            mistakes.add(node.position, path +
                                            " (no coefficient contains it: use it in one, set "
                                            "fixed = true or remove it)");
        }
        const auto root_of = std::find_if(
            processes.begin(), processes.end(),
            [&](const auto& process) { return process.coefficient.has_root_of(parameter.name); });
        const ConfigMember* range = node.find("range");
        if (root_of != processes.end() && parameter.low < 0.0 && range != nullptr) {
            mistakes.wrong(range->value, path + ".range",
                           "must not reach below 0: the coefficient of process '" + root_of->name +
                               "' contains a root of it");
        }
    }
}

}  // namespace

void read_parameters(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    const ConfigMember* member = root.find("parameters");
    const auto* table = member == nullptr ? nullptr : member->value.get_if<ConfigNode::Table>();
    if (table == nullptr || table->empty()) {
        mistakes.add(member == nullptr ? Position{} : member->position,
                     "parameters is missing (the parameters of interest, for example "
                     "[parameters.mu] with start = 1.0 and range = [0.0, 10.0])");
        return;
    }
    for (const ConfigMember& parameter : *table) read_parameter(parameter, campaign, mistakes);
}

void read_processes(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    const ConfigMember* member = root.find("process");
    const auto* array = member == nullptr ? nullptr : member->value.get_if<ConfigNode::Array>();
    if (array == nullptr || array->empty()) {
        mistakes.add(
            member == nullptr ? Position{} : member->position,
            "process is missing (one section [[process]] for each, with name and coefficient)");
        return;
    }
    const std::size_t before = mistakes.size();
    for (std::size_t i = 0; i < array->size(); ++i) {
        read_process((*array)[i], process_path((*array)[i], i), campaign, mistakes);
    }
    if (mistakes.size() == before) check_use_of_parameters(root, campaign, mistakes);
}

void read_reference(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    const TableReader table = section(root, "reference", mistakes);
    const ConfigNode* node = table.require(
        "mixture", "p_ref as a sum of processes, for example mixture = { S = 1, SBI = 1, B = 1 }");
    if (node == nullptr) return;
    const auto* parts = node->get_if<ConfigNode::Table>();
    if (parts == nullptr || parts->empty()) {
        table.wrong("mixture", "must be a table of processes and their shares, { S = 1, B = 1 }");
        return;
    }
    std::vector<std::string> names;
    for (const ProcessSection& process : campaign.processes) names.push_back(process.name);
    double sum = 0.0;
    for (const ConfigMember& part : *parts) {
        const std::string path = table.path("mixture") + "." + part.key;
        if (std::find(names.begin(), names.end(), part.key) == names.end()) {
            mistakes.wrong(part.value, path, "no such process" + known_names(part.key, names));
        }
        const auto share =
            read_number(part.value, {.low = 0.0, .low_allowed = false}, path, mistakes);
        sum += share.value_or(0.0);
        campaign.reference.mixture.emplace_back(part.key, share.value_or(0.0));
    }
    // Shares that sum to one already stay as they are, so that the resolved text reads back equal.
    constexpr double rounding = 1e-12;
    if (std::abs(sum - 1.0) < rounding || !(sum > 0.0)) return;
    for (auto& [name, share] : campaign.reference.mixture) share /= sum;
}

}  // namespace ratiofarm
