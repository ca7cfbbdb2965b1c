#pragma once

#include <nlohmann/json.hpp>

#include "ratiofarm/report/unblinding.hpp"

namespace ratiofarm {

nlohmann::ordered_json unblinding_json(const Unblinding& unblinding);
Unblinding read_unblinding(const nlohmann::ordered_json& json);

}  // namespace ratiofarm
