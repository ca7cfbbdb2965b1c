#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace ratiofarm {

// Checked access to a workspace. `where` names the object for messages: "channel 'SR'".

/// \throws DataError if the member is missing
const nlohmann::json& member(const nlohmann::json& object,
                             const std::string& key,
                             const std::string& where);

/// \throws DataError if it is missing or not a text
std::string text_member(const nlohmann::json& object,
                        const std::string& key,
                        const std::string& where);

/// An array; empty if the member is missing.
const nlohmann::json& array_member(const nlohmann::json& object,
                                   const std::string& key,
                                   const std::string& where);

double number_of(const nlohmann::json& value, const std::string& where);
std::vector<double> numbers_of(const nlohmann::json& value, const std::string& where);

/// An array of as many numbers as there are bins.
std::vector<double> bins_of(const nlohmann::json& value, std::size_t n, const std::string& where);

}  // namespace ratiofarm
