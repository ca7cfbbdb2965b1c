#pragma once

#include <nlohmann/json.hpp>

#include "unblinding.hpp"

namespace ratiofarm {

nlohmann::ordered_json unblinding_json(const Unblinding& unblinding);
Unblinding read_unblinding(const nlohmann::ordered_json& json);

}  // namespace ratiofarm
