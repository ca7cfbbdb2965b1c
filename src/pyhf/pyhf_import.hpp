#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "campaign/campaign.hpp"

namespace ratiofarm {

/// How a pyhf workspace is read.
struct PyhfImport {
    std::string measurement;                         ///< empty: the only one, or the first
    std::string campaign;                            ///< name of the campaign
    Interpolation normsys = Interpolation::code4;    ///< as pyhf's own default settings
    Interpolation histosys = Interpolation::code4p;  ///< likewise
};

/// The binned campaign that a pyhf workspace describes (schema 1.0.0): channels become regions,
/// modifiers effects, and every modifier's parameters parameters with pyhf's defaults and the
/// configuration of the measurement. A factor of a bin without yield or uncertainty is left out,
/// which fixes it at 1. Names that are not identifiers are changed into some; [labels] keeps the
/// originals. \throws DataError naming channel, sample and modifier if the workspace cannot be
/// read; modifiers of unknown types are named all at once
Campaign campaign_from_pyhf(const nlohmann::json& workspace, const PyhfImport& how);

/// The workspace after a JSON patch (RFC 6902), or after one of a pyhf patch set.
/// \param name  of the patch in a patch set; ignored for a plain patch
/// \throws DataError naming the patches there are, or what does not apply
nlohmann::json patched(const nlohmann::json& workspace,
                       const nlohmann::json& patch,
                       const std::string& name);

}  // namespace ratiofarm
