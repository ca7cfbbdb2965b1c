// [data]: what the model is fitted to.
#include <algorithm>

#include "section_readers.hpp"

namespace ratiofarm {
namespace {

using Values = std::vector<std::pair<std::string, double>>;

/// Adds the value that a table like { mu = 1.0 } gives a parameter.
/// \param words keys of the table that are no parameters
void read_value(const ConfigMember& member,
                const std::string& table,
                const std::vector<std::string>& words,
                Values& values,
                const std::pair<const Campaign&, Mistakes&>& to) {
    const auto& [campaign, mistakes] = to;
    const std::string path = table + "." + member.key;
    const Parameter* parameter = find_parameter(campaign, member.key);
    if (parameter == nullptr) {
        std::vector<std::string> known = parameter_names(campaign);
        known.insert(known.end(), words.begin(), words.end());
        mistakes.wrong(member.value, path, "no such parameter" + known_names(member.key, known));
        return;
    }
    const auto value =
        read_number(member.value, {.low = parameter->low, .high = parameter->high}, path, mistakes);
    if (value) values.emplace_back(member.key, *value);
}

void read_asimov(const TableReader& data,
                 const ConfigNode& node,
                 Campaign& campaign,
                 Mistakes& mistakes) {
    const auto* table = node.get_if<ConfigNode::Table>();
    if (table == nullptr) {
        data.wrong("asimov", "must be a table like { mu = 1.0, source = \"samples\" }");
        return;
    }
    for (const ConfigMember& member : *table) {
        if (member.key != "source") {
            read_value(member, "data.asimov", {"source"}, campaign.data.asimov,
                       {campaign, mistakes});
            continue;
        }
        const ConfigNode source{ConfigNode::Table{member}, node.position};
        const TableReader asimov(&source, "data.asimov", "data.asimov", mistakes);
        asimov.word("source", campaign.data.source);
    }
}

/// Counts that were observed are fitted where they are all there is.
void read_observed(const TableReader& table, Campaign& campaign) {
    // A blind campaign fits both, one after the other.
    const bool has_asimov = table.find("asimov") != nullptr && !campaign.data.blind;
    const auto is_observed = [](const BinnedRegionSection& section) {
        return section.observed.has_value();
    };
    campaign.data.observed =
        !has_asimov && campaign.unbinned.empty() && !campaign.binned.empty() &&
        std::all_of(campaign.binned.begin(), campaign.binned.end(), is_observed);
    if (!table.flag("observed", campaign.data.observed) || !campaign.data.observed) return;
    if (has_asimov) {
        table.wrong("observed", "either observed contents or asimov is fitted");
    }
    if (!campaign.unbinned.empty() && table.find("sample") == nullptr) {
        table.wrong("observed", "the events of the unbinned regions need sample = \"...\"");
    }
}

/// What learns from a sample: "process 'S'", "systematic 'scale'" or nothing.
std::string trained_on(const Campaign& campaign, const std::string& sample) {
    for (const ProcessSection& process : campaign.processes) {
        if (process.sample == sample) return "process '" + process.name + "'";
    }
    for (const SystematicSection& systematic : campaign.systematics) {
        if (!systematic.shapes) continue;
        for (const auto& shape : *systematic.shapes) {
            if (shape.source != SystematicSection::Source::samples) continue;
            if (shape.up != sample && shape.down != sample) continue;
            return "systematic '" + systematic.name + "'";
        }
    }
    return "";
}

void read_sample(const TableReader& table, Campaign& campaign) {
    if (!table.name("sample", campaign.data.sample)) return;
    if (table.find("asimov") != nullptr && !campaign.data.blind) {
        table.wrong("sample",
                    "either a sample or asimov is fitted; remove one of the two keys, or set "
                    "blind = true to fit Asimov data until the sample may be looked at");
    }
    campaign.data.observed = true;
    const std::string user = trained_on(campaign, campaign.data.sample);
    if (user.empty()) return;
    table.wrong("sample", user + " is trained on this sample; data must be other events");
}

/// "mu = 2, alpha = 1", and the sample that is fitted.
std::string injection_name(const Injection& injection) {
    std::string name;
    for (const auto& [parameter, value] : injection.values) {
        std::string number = value_text({value, {}});
        if (number.ends_with(".0")) number.resize(number.size() - 2);
        name += (name.empty() ? "" : ", ") + parameter + " = " + number;
    }
    return injection.sample.empty() ? name : name + " (" + injection.sample + ")";
}

void check_injection_sample(const TableReader& table,
                            const Injection& injection,
                            const Campaign& campaign) {
    const std::string user = trained_on(campaign, injection.sample);
    if (!user.empty()) {
        table.wrong("sample",
                    user + " is trained on this sample; what is injected must be other events");
    } else if (injection.sample == campaign.data.sample) {
        table.wrong("sample", "these are the data; what is injected must be simulated");
    }
}

void read_injection(const ConfigNode& node,
                    const std::string& path,
                    Campaign& campaign,
                    Mistakes& mistakes) {
    const auto* table = node.get_if<ConfigNode::Table>();
    if (table == nullptr) {
        mistakes.wrong(node, path, "must be a table like { mu = 2.0 }");
        return;
    }
    Injection injection;
    ConfigNode::Table words;
    for (const ConfigMember& member : *table) {
        if (member.key == "sample" || member.key == "name") {
            words.push_back(member);
        } else {
            read_value(member, path, {"sample", "name"}, injection.values, {campaign, mistakes});
        }
    }
    const ConfigNode rest{words, node.position};
    const TableReader reader(&rest, "data.injections", path, mistakes);
    if (reader.name("sample", injection.sample)) {
        check_injection_sample(reader, injection, campaign);
    }
    if (injection.values.empty()) {
        mistakes.wrong(node, path, "gives no value to inject, for example mu = 2.0");
        return;
    }
    if (!reader.text("name", injection.name)) injection.name = injection_name(injection);
    const auto& others = campaign.data.injections;
    if (std::ranges::any_of(others, [&](const auto& o) { return o.name == injection.name; })) {
        mistakes.wrong(node, path,
                       "another injection is called '" + injection.name +
                           "', too; name one of them with name = \"...\"");
    }
    campaign.data.injections.push_back(std::move(injection));
}

}  // namespace

void read_data(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    const TableReader table = section(root, "data", mistakes);
    table.flag("blind", campaign.data.blind);
    table.word("outside", campaign.data.outside);
    const ConfigNode* asimov = table.find("asimov");
    if (asimov != nullptr) read_asimov(table, *asimov, campaign, mistakes);
    read_observed(table, campaign);
    read_sample(table, campaign);
    if (campaign.data.blind && !campaign.data.observed) {
        table.wrong("blind",
                    "there is nothing to be blind to: it needs sample = \"...\", or binned regions "
                    "with observed contents and observed = true");
    }
    const ConfigNode* injections = table.find("injections");
    if (injections == nullptr) return;
    const auto* array = injections->get_if<ConfigNode::Array>();
    if (array == nullptr) {
        table.wrong("injections", "must be an array of tables like [{ mu = 0.5 }, { mu = 2.0 }]");
        return;
    }
    for (std::size_t i = 0; i < array->size(); ++i) {
        read_injection((*array)[i], "data.injections[" + std::to_string(i + 1) + "]", campaign,
                       mistakes);
    }
}

}  // namespace ratiofarm
