#include "campaign_samples.hpp"

#include "ratiofarm/core/contracts.hpp"
#include "ratiofarm/tables/event_file.hpp"

#include "campaign/task_graph.hpp"
#include "simulation/files/exact_ratios.hpp"
#include "simulation/files/simulated_events.hpp"

namespace ratiofarm {

std::filesystem::path campaign_argument(const std::vector<std::string>& positional) {
    return positional.empty() ? "campaign.toml" : positional.front();
}

std::vector<SampleInfo> read_campaign_samples(const Campaign& campaign) {
    return read_sample_info(campaign.events_path(), samples_to_read(campaign),
                            campaign.events.features, campaign.split);
}

std::vector<SampleInfo> samples_to_simulate(const Campaign& campaign) {
    RATIOFARM_EXPECT(campaign.simulate.has_value());
    return simulated_sample_info(
        campaign, VariedDensities(campaign.simulate->model, model_variations(*campaign.simulate)));
}

}  // namespace ratiofarm
