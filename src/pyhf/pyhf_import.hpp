#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "campaign/campaign.hpp"

namespace ratiofarm {

/// How a pyhf workspace is read.
struct PyhfImport {
    std::string measurement;                         ///< empty: the only one, or the first
    std::string poi = {};                            ///< empty: that of the measurement
    std::string campaign;                            ///< name of the campaign
    Interpolation normsys = Interpolation::code4;    ///< as pyhf's own default settings
    Interpolation histosys = Interpolation::code4p;  ///< likewise
};

/// The binned campaign that a pyhf workspace describes (schema 1.0.0): channels become regions,
/// modifiers effects, and every modifier's parameters parameters with pyhf's defaults and the
/// configuration of the measurement. A factor of a bin without yield or uncertainty is left out,
/// which fixes it at 1. Names that are not identifiers are changed into some; [labels] keeps the
/// originals. \throws DataError with every mistake of the workspace (pyhf_schema.hpp), or if there
/// is no such measurement or parameter of interest
Campaign campaign_from_pyhf(const nlohmann::json& workspace, const PyhfImport& how);

/// A line for each entry of the measurement's parameters that no modifier has and that therefore
/// says nothing: misspelt, or left over from what was pruned. That of the signal of a workspace
/// without it, and that of a luminosity which no sample depends on, are left out.
/// \pre campaign_from_pyhf() takes the workspace
std::vector<std::string> unused_pyhf_parameters(const nlohmann::json& workspace,
                                                const PyhfImport& how);

}  // namespace ratiofarm
