#include "program_version.hpp"

#include <chrono>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace ratiofarm {

std::string_view made_by() { return "ratiofarm " RATIOFARM_VERSION; }

std::string utc_now() {
    const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
}

}  // namespace ratiofarm
