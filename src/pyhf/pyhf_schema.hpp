#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

namespace ratiofarm {

/// Kind of the parameters of a modifier; two modifiers of one name must agree in it.
enum class PyhfKind : std::uint8_t { normfactor, alpha, lumi, shapesys, staterror, shapefactor };

/// Whether a modifier has one parameter, not one for each bin.
inline bool is_scalar(PyhfKind kind) {
    return kind == PyhfKind::normfactor || kind == PyhfKind::alpha || kind == PyhfKind::lumi;
}

/// Holds a workspace to the schema of pyhf 1.0.0 and to what its numbers and names must be: known
/// keys, version, each name once, an observation for each channel and a channel for each
/// observation, as many numbers as bins. The rest of this room relies on it.
/// \param measurement  of the workspace whose parameters must fit the modifiers; unknown: none
/// \throws DataError with every mistake: channel, sample and modifier, and its JSON pointer
void expect_workspace(const nlohmann::json& workspace, const std::string& measurement);

}  // namespace ratiofarm
