#pragma once

#include <nlohmann/json.hpp>

#include "campaign/campaign.hpp"

namespace ratiofarm {

/// The binned regions of a campaign and the constraints of their parameters as an HS3 workspace
/// (HEP Statistics Serialization Standard, 0.2), with the campaign's own names. Each region is a
/// histfactory_dist; its likelihood is the same function of the parameters up to a constant.
/// Unbinned regions are named under misc/ratiofarm and otherwise left out: HS3 has no density with
/// respect to reference events.
/// \throws ConfigError naming every part that HS3 has no modifier for
nlohmann::ordered_json hs3_from_campaign(const Campaign& campaign);

}  // namespace ratiofarm
