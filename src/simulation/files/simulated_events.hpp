#pragma once

#include <vector>

#include "campaign/campaign.hpp"
#include "ratiofarm/protocol/sample_info.hpp"
#include "simulation/model_variation.hpp"
#include "ratiofarm/tables/event_file.hpp"

namespace ratiofarm {

/// The events of a campaign's closed-form toy: S, B and SBI with exact densities, and for each of
/// its [[simulate.systematic]] the same generated events moved, with the ids of the nominal ones,
/// as samples that are called as the campaign's [[systematic]] calls them, or "S_<name>_up". Where
/// that asks for weights, columns of weights of the nominal sample in their place.
std::vector<EventSample> toy_events(const Campaign& campaign, const VariedDensities& toy);

/// What an events file with them would be described as, without drawing an event.
std::vector<SampleInfo> toy_sample_info(const Campaign& campaign, const VariedDensities& toy);

}  // namespace ratiofarm
