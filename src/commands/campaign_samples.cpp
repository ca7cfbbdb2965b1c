#include "campaign_samples.hpp"

#include "ratiofarm/campaign/task_graph.hpp"
#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/physics/interference_toy.hpp"
#include "ratiofarm/tables/event_file.hpp"

namespace ratiofarm {

std::filesystem::path campaign_argument(const std::vector<std::string>& positional) {
    return positional.empty() ? "campaign.toml" : positional.front();
}

std::vector<SampleInfo> read_campaign_samples(const Campaign& campaign,
                                              const std::filesystem::path& out) {
    const std::vector<std::string> names = campaign_samples(campaign);
    const std::filesystem::path folder =
        out.empty() ? std::filesystem::path(campaign.name + ".run") : out;
    const std::filesystem::path events = contiguous_events(campaign.events_path(), names, folder);
    return read_sample_info(events, names, campaign.events.features, campaign.split);
}

std::vector<SampleInfo> samples_to_simulate(const Campaign& campaign) {
    RATIOFARM_EXPECT(campaign.simulate.has_value());
    const SimulateSection& simulate = *campaign.simulate;
    const ToyDensities toy(simulate.toy);
    std::vector<SampleInfo> samples;
    for (const ToySample sample : toy_samples) {
        SampleInfo info;
        info.name = toy_sample_name(sample);
        info.columns.sample = info.name;
        info.columns.events = simulate.events;
        info.columns.columns = toy.dimension();
        info.column_names = campaign.events.features;
        info.sum_of_weights = toy.yield(sample);
        const auto events = static_cast<double>(simulate.events);
        info.training_events = static_cast<std::uint64_t>(events * campaign.split.train);
        info.inference_events = static_cast<std::uint64_t>(events * campaign.split.inference);
        samples.push_back(std::move(info));
    }
    return samples;
}

}  // namespace ratiofarm
