#pragma once

#include <string>

#include "campaign/campaign.hpp"

namespace ratiofarm {

/// [data] of the resolved file.
std::string data_toml(const DataSection& data);

}  // namespace ratiofarm
