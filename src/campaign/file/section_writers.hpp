#pragma once

#include <string>

#include "campaign/campaign.hpp"
#include "campaign/preselection_section.hpp"

namespace ratiofarm {

/// [data] of the resolved file.
std::string data_toml(const DataSection& data);

/// TOML of [preselection] with the tables of its nets; reads back equal.
std::string preselection_toml(const Campaign& campaign);

/// TOML of [unfolding] with its observables, variations and nets; reads back equal.
std::string unfolding_toml(const Campaign& campaign);

}  // namespace ratiofarm
