#pragma once

#include <nlohmann/json.hpp>

#include "fit_json.hpp"

namespace ratiofarm {

/// Adds the keys of one fit to an object.
void add_fit_json(const FitResult& fit, nlohmann::ordered_json& json);
FitResult read_fit_json(const nlohmann::ordered_json& json);

nlohmann::ordered_json limits_json(const LimitRecord& record);
nlohmann::ordered_json finite_mc_json(const FiniteMcRecord& record);
FiniteMcRecord read_finite_mc_json(const nlohmann::ordered_json& json);

LimitRecord read_limits_json(const nlohmann::ordered_json& json);

/// A number; NaN for null.
double json_number(const nlohmann::ordered_json& json);

}  // namespace ratiofarm
