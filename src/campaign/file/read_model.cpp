// [parameters.*] and [[process]]: the statistical model.
#include <algorithm>

#include "ratiofarm/core/errors.hpp"

#include "section_readers.hpp"

namespace ratiofarm {
namespace {

void read_model_parameter(const ConfigMember& member, Campaign& campaign, Mistakes& mistakes) {
    const std::string path = "parameters." + member.key;
    if (!is_parameter_name(member.key)) {
        mistakes.add(member.position,
                     path +
                         " (a name consists of letters, digits and _ and does not start with a "
                         "digit; 'sqrt' and 'source' have another meaning)");
        return;
    }
    const TableReader table(&member.value, "parameters.NAME", path, mistakes);
    Parameter parameter{.name = member.key};
    if (table.present()) {
        read_parameter_keys(table, parameter);
        if (parameter.constraint.kind == Constraint::Kind::none) {
            table.require("range", "its limits, for example range = [0.0, 10.0]");
        }
    }
    campaign.parameters.push_back(std::move(parameter));
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
    read_keys(table, process);
    if (table.process_name("name", process.name)) {
        const bool twice =
            std::any_of(campaign.processes.begin(), campaign.processes.end(),
                        [&](const auto& other) { return other.name == process.name; });
        if (twice) table.wrong("name", "another process has this name");
    }
    process.sample = process.name;
    if (!process.name.empty() && !is_plain_name(process.name)) {
        table.require("sample", "which no group of an events file can be called '" + process.name +
                                    "': for example sample = \"S\"");
    }
    table.name("sample", process.sample);
    read_coefficient(table, campaign, process);
    campaign.processes.push_back(std::move(process));
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
    for (const ConfigMember& parameter : *table)
        read_model_parameter(parameter, campaign, mistakes);
}

void read_processes(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    for_each_section(root, "process", mistakes,
                     [&](const ConfigNode& node, const std::string& path) {
                         read_process(node, path, campaign, mistakes);
                     });
    const ConfigMember* member = root.find("process");
    const bool has_regions = root.find("region") != nullptr;
    if (!campaign.processes.empty() || has_regions) return;
    mistakes.add(
        member == nullptr ? Position{} : member->position,
        "process is missing (one section [[process]] for each, with name and coefficient)");
}

}  // namespace ratiofarm
