#pragma once

#include <nlohmann/json.hpp>

#include "fit_json.hpp"

namespace ratiofarm {

/// The object "shapes" of fit.json. A number that is not known is null.
nlohmann::ordered_json shapes_json(const ShapeRecord& record);
ShapeRecord read_shapes_json(const nlohmann::ordered_json& json);

}  // namespace ratiofarm
