// Which samples of the events file a campaign needs, and what for.
#include <algorithm>

#include "task_graph.hpp"

namespace ratiofarm {

std::vector<std::string> campaign_samples(const Campaign& campaign) {
    std::vector<std::string> names;
    const auto add = [&](const std::string& name) {
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    };
    for (const ProcessSection& process : campaign.processes) add(process.sample);
    const std::string data = campaign.data.fitted_sample();
    if (!data.empty()) add(data);
    for (const Injection& injection : campaign.data.injections) {
        if (!injection.sample.empty()) add(injection.sample);
    }
    return names;
}

std::vector<SampleToRead> samples_to_read(const Campaign& campaign) {
    std::vector<SampleToRead> samples;
    const auto add = [&](const std::string& name) -> SampleToRead& {
        const auto known =
            std::find_if(samples.begin(), samples.end(),
                         [&](const SampleToRead& sample) { return sample.name == name; });
        return known != samples.end() ? *known : samples.emplace_back(SampleToRead{name, {}});
    };
    for (const std::string& name : campaign_samples(campaign)) add(name);
    for (const SystematicSection& systematic : campaign.systematics) {
        if (!systematic.shapes) continue;
        for (const auto& shape : *systematic.shapes) {
            for (const std::string& side : {shape.up, shape.down}) {
                if (shape.source == SystematicSection::Source::samples) add(side);
                if (shape.source != SystematicSection::Source::weights) continue;
                auto& weights = add(campaign.process(shape.process).sample).weights;
                if (std::ranges::find(weights, side) == weights.end()) weights.push_back(side);
            }
        }
    }
    return samples;
}

Split inference_split(const Campaign& campaign, std::string_view sample) {
    const auto is_sample = [&](const Injection& injection) { return injection.sample == sample; };
    const bool trains_nothing =
        !sample.empty() && (sample == campaign.data.sample ||
                            std::ranges::any_of(campaign.data.injections, is_sample));
    return trains_nothing ? Split{.train = 0.0, .validation = 0.0, .inference = 1.0}
                          : campaign.split;
}

}  // namespace ratiofarm
