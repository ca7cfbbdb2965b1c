// [data] and [inference]: what is fitted to what.
#include <algorithm>

#include "section_readers.hpp"

namespace ratiofarm {
namespace {

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

void read_asimov_value(const ConfigMember& member, Campaign& campaign, Mistakes& mistakes) {
    const std::string path = "data.asimov." + member.key;
    const Parameter* parameter = find_parameter(campaign, member.key);
    if (parameter == nullptr) {
        std::vector<std::string> known = parameter_names(campaign);
        known.emplace_back("source");
        mistakes.wrong(member.value, path, "no such parameter" + known_names(member.key, known));
        return;
    }
    const auto value =
        read_number(member.value, {.low = parameter->low, .high = parameter->high}, path, mistakes);
    if (value) campaign.data.asimov.emplace_back(member.key, *value);
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
            read_asimov_value(member, campaign, mistakes);
            continue;
        }
        const ConfigNode source{ConfigNode::Table{member}, node.position};
        const TableReader asimov(&source, "data.asimov", "data.asimov", mistakes);
        asimov.word("source", campaign.data.source);
    }
}

/// Counts that were observed are fitted where they are all there is.
void read_observed(const TableReader& table, Campaign& campaign) {
    const bool has_asimov = table.find("asimov") != nullptr;
    const auto is_observed = [](const BinnedRegionSection& section) {
        return section.observed.has_value();
    };
    campaign.data.observed =
        !has_asimov && campaign.unbinned.empty() && !campaign.binned.empty() &&
        std::all_of(campaign.binned.begin(), campaign.binned.end(), is_observed);
    if (!table.flag("observed", campaign.data.observed) || !campaign.data.observed) return;
    if (has_asimov) {
        table.wrong("observed", "either what was observed or asimov is fitted");
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

}  // namespace

void read_data(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    const TableReader table = section(root, "data", mistakes);
    const ConfigNode* asimov = table.find("asimov");
    if (asimov != nullptr) read_asimov(table, *asimov, campaign, mistakes);
    read_observed(table, campaign);
    if (!table.name("sample", campaign.data.sample)) return;
    if (asimov != nullptr) {
        table.wrong("sample", "either a sample or asimov is fitted; remove one of the two keys");
    }
    campaign.data.observed = true;
    const std::string user = trained_on(campaign, campaign.data.sample);
    if (user.empty()) return;
    table.wrong("sample", user + " is trained on this sample; data must be other events");
}

void read_inference(const ConfigNode& root, Campaign& campaign, Mistakes& mistakes) {
    const TableReader table = section(root, "inference", mistakes);
    InferenceSection& inference = campaign.inference;
    if (!campaign.parameters.empty()) inference.poi = campaign.parameters.front().name;
    const std::vector<std::string> names = parameter_names(campaign);
    const Parameter* poi = find_parameter(campaign, inference.poi);
    if (table.text("poi", inference.poi)) {
        poi = find_parameter(campaign, inference.poi);
        if (poi == nullptr && !names.empty()) {
            table.wrong("poi", "no such parameter" + known_names(inference.poi, names));
        }
    }
    table.word("shape_norm", inference.shape_norm);
    table.word("negative_mixture", inference.negative_mixture);
    table.word("extreme_anchors", inference.extreme_anchors);
    if (poi == nullptr) return;
    if (table.find("poi") != nullptr && !depends_on(campaign, inference.poi)) {
        table.wrong("poi",
                    "nothing depends on it: it must stand in a coefficient, a systematic or "
                    "a binned region");
    }
    table.numbers("scan", {.low = poi->low, .high = poi->high}, inference.scan);
}

}  // namespace ratiofarm
