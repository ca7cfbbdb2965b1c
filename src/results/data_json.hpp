#pragma once

#include <nlohmann/json.hpp>

#include "fit_json.hpp"

namespace ratiofarm {

/// Adds what fit.json says about the data besides the fit: blinding and injections.
void add_data_json(const FitRecord& record, nlohmann::ordered_json& json);
void read_data_json(const nlohmann::ordered_json& json, FitRecord& record);

}  // namespace ratiofarm
