#include <algorithm>

#include "campaign/finite_mc_section.hpp"

#include "section_readers.hpp"
#include "toml_writer.hpp"

// [data]: what the model is fitted to.
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
    // blind = false says which: the data, where Asimov data were fitted while it was true.
    if (table.find("asimov") != nullptr && table.find("blind") == nullptr) {
        table.wrong("sample",
                    "either a sample or asimov is fitted; remove one of the two keys, or set "
                    "blind = true to fit Asimov data until the sample may be looked at, "
                    "blind = false once it may");
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
    const std::size_t given = table->size() - words.size();
    if (given == 0) {
        mistakes.wrong(node, path, "gives no value to inject, for example mu = 2.0");
    }
    if (given == 0 || injection.values.size() < given) return;  // the others are told of
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

namespace {

void check_nets(const ConfigNode& root,
                const TableReader& table,
                const Campaign& campaign,
                Mistakes& mistakes) {
    if (campaign.finite_mc.method == FiniteMcMethod::replicas && campaign.ensemble.replicas < 2) {
        table.wrong("method",
                    "needs their spread: set ensemble.replicas to 2 or more, for example 20");
    }
    if (campaign.finite_mc.method != FiniteMcMethod::wifi) return;
    if (campaign.ensemble.members < 2) {
        table.wrong("method", "gives weights to members: set ensemble.members to 2 or more");
    }
    const ConfigMember* ensemble = root.find("ensemble");
    const ConfigMember* keep = ensemble == nullptr ? nullptr : ensemble->value.find("keep_members");
    if (keep != nullptr && !campaign.ensemble.keep_members) {
        mistakes.wrong(keep->value, "ensemble.keep_members",
                       "finite_mc.method = \"wifi\" needs them");
    }
}

}  // namespace

void read_finite_mc(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    const TableReader table = section(root, "finite_mc", mistakes);
    FiniteMcSection& finite_mc = campaign.finite_mc;
    const bool used =
        read_keys(table, finite_mc).has("use") && finite_mc.use != FiniteMcUse::report;
    if (finite_mc.method == FiniteMcMethod::none) {
        if (used) table.wrong("use", "method says where the uncertainty comes from; set it, too");
        return;
    }
    if (campaign.unbinned.empty()) {
        table.wrong("method", "only ratios have it; the campaign has no unbinned region");
    }
    const bool taken =
        std::any_of(campaign.parameters.begin(), campaign.parameters.end(),
                    [](const Parameter& p) { return p.name == finite_mc_parameter; });
    if (finite_mc.use == FiniteMcUse::nuisance && taken) {
        table.wrong("use", "adds a parameter '" + std::string(finite_mc_parameter) +
                               "'; another one has this name");
    }
    if (!campaign.has_events()) return;  // its ratio file shows what it has
    check_nets(root, table, campaign, mistakes);
    if (finite_mc.method == FiniteMcMethod::wifi) campaign.ensemble.keep_members = true;
}

std::string finite_mc_toml(const FiniteMcSection& section) {
    if (section == FiniteMcSection{}) return {};
    TomlWriter out;
    out.section("[finite_mc]");
    out.keys(section);
    return out.text();
}

const Parameter* find_parameter(const Campaign& campaign, std::string_view name) {
    const auto found =
        std::find_if(campaign.parameters.begin(), campaign.parameters.end(),
                     [&](const Parameter& parameter) { return parameter.name == name; });
    return found == campaign.parameters.end() ? nullptr : &*found;
}

std::vector<std::string> parameter_names(const Campaign& campaign) {
    std::vector<std::string> names;
    for (const Parameter& parameter : campaign.parameters) names.push_back(parameter.name);
    return names;
}

void read_inference(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    const TableReader table = section(root, "inference", mistakes);
    InferenceSection& inference = campaign.inference;
    if (!campaign.parameters.empty()) inference.poi = campaign.parameters.front().name;
    const std::vector<std::string> names = parameter_names(campaign);
    const Parameter* poi = find_parameter(campaign, inference.poi);
    if (read_keys(table, inference).has("poi")) {
        poi = find_parameter(campaign, inference.poi);
        if (poi == nullptr && !names.empty()) {
            table.wrong("poi", "no such parameter" + known_names(inference.poi, names));
        }
    }
    if (poi == nullptr) return;
    if (table.find("poi") != nullptr && !depends_on(campaign, inference.poi) &&
        !mistakes.about("process")) {
        table.wrong("poi",
                    "nothing depends on it: it must appear in a coefficient, a systematic or a "
                    "binned region");
    }
    table.numbers("scan", {.low = poi->low, .high = poi->high}, inference.scan);
}

}  // namespace ratiofarm
