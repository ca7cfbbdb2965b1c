#pragma once

#include <vector>

#include "ratiofarm/protocol/sample_info.hpp"
#include "ratiofarm/tables/event_file.hpp"

#include "campaign/campaign.hpp"
#include "simulation/model_variation.hpp"

namespace ratiofarm {

/// The simulated events of a campaign's closed-form model: S, B and SBI with exact densities. Each
/// [[simulate.systematic]] moves the same generated events and keeps their ids. The moved samples
/// get the names that the campaign's [[systematic]] gives them, otherwise "S_<name>_up". If that
/// section asks for weights, the nominal sample gets columns of weights instead.
std::vector<EventSample> simulated_events(const Campaign& campaign, const VariedDensities& model);

/// The description of an events file with simulated_events(), without drawing an event.
std::vector<SampleInfo> simulated_sample_info(const Campaign& campaign,
                                              const VariedDensities& model);

}  // namespace ratiofarm
