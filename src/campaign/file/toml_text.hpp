#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ratiofarm/physics/coefficient.hpp"

namespace ratiofarm {

/// A number as TOML writes it: the shortest text that reads back to the same bits; always
/// recognisable as a floating-point number ("1.0", "1e-07").
std::string toml_text(double number);

/// A basic string with quotes and escapes.
std::string toml_text(std::string_view text);

std::string toml_text(const Coefficient& coefficient);
std::string toml_text(const std::vector<double>& numbers);
std::string toml_text(const std::vector<std::uint32_t>& numbers);
std::string toml_text(const std::vector<std::string>& texts);

}  // namespace ratiofarm
