#pragma once

#include <cstdint>
#include <string>

namespace ratiofarm {

/// "1.5 GB": a number with the decimal prefix that leaves one to three digits before the point.
std::string with_prefix(double number, const std::string& unit);

/// "45 s", "12 min", "3.5 h", "2.1 d". \param seconds >= 0
std::string duration_text(double seconds);

/// "13,505"
std::string grouped(std::uint64_t number);

}  // namespace ratiofarm
