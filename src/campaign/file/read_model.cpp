#include <algorithm>
#include <cctype>

#include "ratiofarm/core/errors.hpp"

#include "section_readers.hpp"

// [parameters.*] and [[process]]: the statistical model.
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
    table.name("weight", process.weight);
    read_coefficient(table, campaign, process);
    campaign.processes.push_back(std::move(process));
}

}  // namespace

void read_parameters(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    if (root.find("unfolding") != nullptr) return;  // which has no likelihood
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
    const bool needs_none = root.find("region") != nullptr || root.find("unfolding") != nullptr;
    if (!campaign.processes.empty() || needs_none) return;
    mistakes.add(
        member == nullptr ? Position{} : member->position,
        "process is missing (one section [[process]] for each, with name and coefficient)");
}

namespace {

void read_range(const TableReader& table, Parameter& parameter) {
    std::vector<double> range;
    const bool is_given = table.find("range") != nullptr;
    if (is_given && !table.numbers("range", {}, range)) return;
    if (is_given && (range.size() != 2 || !(range[0] < range[1]))) {
        table.wrong("range", "must be two numbers [low, high] with low < high");
        return;
    }
    if (is_given) {
        parameter.low = range[0];
        parameter.high = range[1];
    }
    if (parameter.start >= parameter.low && parameter.start <= parameter.high) return;
    if (is_given) {
        const std::string what = table.find("start") == nullptr ? "the default start " : "start = ";
        table.wrong("range", "must contain " + what + value_text({parameter.start, {}}));
    } else {
        table.wrong("start", "outside the default range [" + value_text({parameter.low, {}}) +
                                 ", " + value_text({parameter.high, {}}) + "]; give it a 'range'");
    }
}

void read_constraint(const TableReader& table, Constraint& constraint) {
    table.word("constraint", constraint.kind);
    if (constraint.kind == Constraint::Kind::none) {
        for (const char* key : {"observed", "width"}) {
            if (table.find(key) == nullptr) continue;
            table.wrong(key, "only for a parameter with constraint = \"gaussian\" or \"poisson\"");
        }
        return;
    }
    const bool poisson = constraint.kind == Constraint::Kind::poisson;
    constraint.observed = poisson ? 1.0 : 0.0;
    table.number("observed",
                 poisson ? NumberLimits{.low = 0.0, .low_allowed = false} : NumberLimits{},
                 constraint.observed);
    table.number("width", {.low = 0.0, .low_allowed = false}, constraint.width);
}

/// A root has no value below zero.
void check_root(const ConfigNode& root,
                const Campaign& campaign,
                const Parameter& parameter,
                Mistakes& mistakes) {
    const auto root_of = std::find_if(
        campaign.processes.begin(), campaign.processes.end(),
        [&](const auto& process) { return process.coefficient.has_root_of(parameter.name); });
    if (root_of == campaign.processes.end() || !(parameter.low < 0.0)) return;
    const ConfigMember* table = root.find("parameters");
    const ConfigMember* member = table == nullptr ? nullptr : table->value.find(parameter.name);
    const ConfigMember* range = member == nullptr ? nullptr : member->value.find("range");
    if (range == nullptr) return;
    mistakes.wrong(range->value, "parameters." + parameter.name + ".range",
                   "must not reach below 0: the coefficient of process '" + root_of->name +
                       "' contains a root of it");
}

}  // namespace

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

bool depends_on(const Campaign& campaign, std::string_view parameter) {
    const auto in_coefficient = [&](const ProcessSection& process) {
        const auto& terms = process.coefficient.terms;
        return std::any_of(terms.begin(), terms.end(), [&](const CoefficientTerm& term) {
            return std::any_of(term.factors.begin(), term.factors.end(),
                               [&](const auto& factor) { return factor.parameter == parameter; });
        });
    };
    const auto in_region = [&](const BinnedRegionSection& section) {
        const std::vector<std::string> names = parameters_of(section.region);
        return std::find(names.begin(), names.end(), parameter) != names.end();
    };
    return std::any_of(campaign.processes.begin(), campaign.processes.end(), in_coefficient) ||
           std::any_of(campaign.systematics.begin(), campaign.systematics.end(),
                       [&](const auto& section) { return section.parameter == parameter; }) ||
           std::any_of(campaign.binned.begin(), campaign.binned.end(), in_region);
}

void check_use_of_parameters(const ConfigNode& root, const Campaign& campaign, Mistakes& mistakes) {
    for (const Parameter& parameter : campaign.parameters) {
        check_root(root, campaign, parameter, mistakes);
        if (parameter.fixed || depends_on(campaign, parameter.name)) continue;
        if (mistakes.about("process")) continue;
        const ConfigMember* member = root.find("parameters")->value.find(parameter.name);
        mistakes.add(member->value.position,
                     "parameters." + parameter.name +
                         " (nothing depends on it: use it in a coefficient, a systematic or a "
                         "binned region, set fixed = true or remove it)");
    }
}

void read_parameter_keys(const TableReader& table, Parameter& parameter) {
    read_constraint(table, parameter.constraint);
    const Constraint& constraint = parameter.constraint;
    if (constraint.kind != Constraint::Kind::none) {
        constexpr double widths = 5.0;
        parameter.start = constraint.observed;
        parameter.low = constraint.observed - widths * constraint.width;
        if (constraint.kind == Constraint::Kind::poisson) {
            parameter.low = std::max(parameter.low, 0.0);  // it scales a rate
        }
        parameter.high = constraint.observed + widths * constraint.width;
    }
    table.number("start", {}, parameter.start);
    table.flag("fixed", parameter.fixed);
    table.name("group", parameter.group);
    read_range(table, parameter);
}

}  // namespace ratiofarm
