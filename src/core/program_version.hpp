#pragma once

#include <string>
#include <string_view>

namespace ratiofarm {

/// "ratiofarm 0.1.0": what results say that they were made by.
std::string_view made_by();

/// "2026-11-22T12:00:00Z"
std::string utc_now();

}  // namespace ratiofarm
