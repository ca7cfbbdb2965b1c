#pragma once

#include <filesystem>

#include "campaign/campaign.hpp"
#include "simulation/model_variation.hpp"

namespace ratiofarm {

/// All systematics of a campaign's [simulate]: those that are listed, then the random tilts.
std::vector<ModelVariation> model_variations(const SimulateSection& simulate);

/// Name of the nuisance parameter of a simulated systematic: that of the campaign's [[systematic]]
/// of this name, "alpha_<name>" if it has none.
std::string simulated_parameter(const Campaign& campaign, const std::string& systematic);

/// Writes the ratio file of a campaign's closed-form model: exact ratios r and g of all events of
/// the samples S, B and SBI, and the factors on the yields. p_ref is that of [reference], or all
/// processes with equal shares.
void write_exact_ratios(const std::filesystem::path& path,
                        const Campaign& campaign,
                        const VariedDensities& model);

}  // namespace ratiofarm
