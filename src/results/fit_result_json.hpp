#pragma once

#include <nlohmann/json.hpp>

#include "fit_json.hpp"
#include "ratiofarm/core/enum_words.hpp"
#include "ratiofarm/core/errors.hpp"

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

/// \throws DataError if the text is no word of the enumeration
template <class E>
E json_enum(const nlohmann::ordered_json& json) {
    const auto word = json.get<std::string>();
    if (const auto value = enumerator_of<E>(word)) return *value;
    throw DataError("'" + word + "' is not known: written by another version?");
}

}  // namespace ratiofarm
