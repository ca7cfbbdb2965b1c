#pragma once

#include <nlohmann/json.hpp>

#include "campaign/campaign.hpp"

namespace ratiofarm {

/// \throws ConfigError  there is no region that a workspace could have; names what exports the rest
void expect_binned(const Campaign& campaign);

/// The binned regions of a campaign as a pyhf workspace (schema 1.0.0), with the names that
/// [labels] gives. Its likelihood is the same function of the parameters; the errors of a staterror
/// are dealt out equally over its samples, since the campaign keeps only their sum.
/// \throws ConfigError naming every part that pyhf has no modifier for
nlohmann::ordered_json pyhf_from_campaign(const Campaign& campaign);

}  // namespace ratiofarm
