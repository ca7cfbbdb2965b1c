#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace ratiofarm {

/// JSON with one line per entry down to the given depth and everything below it on one line.
std::string json_text(const nlohmann::ordered_json& value, int expanded_depth);

}  // namespace ratiofarm
