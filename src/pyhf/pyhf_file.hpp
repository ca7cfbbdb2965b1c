#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace ratiofarm {

/// The JSON of a workspace, a patch or a patch set.
/// \throws DataError if it is not JSON, is another format of models (HS3, HistFactory's XML, a
/// datacard), is nested without need or has a key twice in one object
nlohmann::json parse_pyhf(const std::string& text);

/// The workspace after a JSON patch (RFC 6902), or after one of a pyhf patch set.
/// \param name  of the patch in a patch set; ignored for a plain patch
/// \throws DataError naming the patches there are, or what does not apply
nlohmann::json patched(const nlohmann::json& workspace,
                       const nlohmann::json& patch,
                       const std::string& name);

}  // namespace ratiofarm
