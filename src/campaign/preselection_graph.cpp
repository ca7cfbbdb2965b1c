#include "preselection_graph.hpp"

#include <algorithm>

#include "ratiofarm/core/contracts.hpp"

#include "find_sample.hpp"

namespace ratiofarm {
namespace {

/// Samples of the processes of a class with their shares of its yield.
std::vector<SamplePart> parts_of(const PreselectionSection::Class& section,
                                 const Campaign& campaign,
                                 const std::vector<SampleInfo>& samples) {
    std::vector<SamplePart> parts;
    double total = 0.0;
    for (const std::string& name : section.processes) {
        const ProcessSection& process = campaign.process(name);
        const double yield =
            process.yield.value_or(find_sample(samples, process.sample).sum_of_weights);
        total += yield;
        const auto known = std::ranges::find(parts, process.sample, &SamplePart::sample);
        if (known != parts.end()) {
            known->fraction += yield;
        } else {
            parts.push_back({process.sample, "", yield});
        }
    }
    for (SamplePart& part : parts) part.fraction /= total;
    std::ranges::stable_sort(parts, {}, &SamplePart::sample);
    return parts;
}

}  // namespace

EnsembleSpec preselection_spec(const Campaign& campaign, const std::vector<SampleInfo>& samples) {
    RATIOFARM_EXPECT(campaign.preselection.has_value());
    EnsembleSpec spec;
    spec.name = preselection_ensemble;
    spec.role = EnsembleRole::classes;
    spec.members = campaign.preselection->members;
    for (const auto& section : campaign.preselection->classes) {
        RATIOFARM_EXPECT(!section.processes.empty());
        spec.classes.push_back({section.name, parts_of(section, campaign, samples)});
    }
    return spec;
}

NetSettings net_settings(const Campaign& campaign, EnsembleRole role) {
    if (role != EnsembleRole::classes) {
        return {campaign.events.features, campaign.network, campaign.training,
                campaign.ensemble.combine};
    }
    RATIOFARM_EXPECT(campaign.preselection.has_value());
    const PreselectionSection& section = *campaign.preselection;
    NetSettings settings{section.features.empty() ? campaign.events.features : section.features,
                         section.network, section.training, Combine::mean_log_ratio};
    settings.network.inputs = static_cast<std::uint32_t>(settings.features.size());
    settings.network.outputs = static_cast<std::uint32_t>(section.classes.size());
    // What [training] says of ratios and there is not for several outputs.
    settings.training.calibration = CalibrationMethod::none;
    if (settings.training.engine == Engine::written) settings.training.engine = Engine::automatic;
    return settings;
}

}  // namespace ratiofarm
