// [inference]: what is fitted, and how.
#include <algorithm>

#include "section_readers.hpp"

namespace ratiofarm {

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
    if (table.find("poi") != nullptr && !depends_on(campaign, inference.poi)) {
        table.wrong("poi",
                    "nothing depends on it: it must appear in a coefficient, a systematic or a "
                    "binned region");
    }
    table.numbers("scan", {.low = poi->low, .high = poi->high}, inference.scan);
}

}  // namespace ratiofarm
