#include "units.hpp"

#include <array>
#include <string_view>

#include <fmt/format.h>

namespace ratiofarm {

std::string with_prefix(double number, const std::string& unit) {
    constexpr std::array<std::string_view, 7> prefixes{"", "k", "M", "G", "T", "P", "E"};
    std::size_t step = 0;
    // From 999.5 on, three digits would round to 1000.
    for (; number >= 999.5 && step + 1 < prefixes.size(); ++step) number /= 1000.0;
    return fmt::format("{:.3g} {}{}", number, prefixes[step], unit);
}

std::string duration_text(double seconds) {
    constexpr double minute = 60.0;
    constexpr double hour = 60.0 * minute;
    constexpr double day = 24.0 * hour;
    if (seconds < 1.0) return "under 1 s";
    if (seconds < 2.0 * minute) return fmt::format("{:.0f} s", seconds);
    if (seconds < 2.0 * hour) return fmt::format("{:.0f} min", seconds / minute);
    if (seconds < 2.0 * day) return fmt::format("{:.1f} h", seconds / hour);
    return fmt::format("{:.1f} d", seconds / day);
}

std::string grouped(std::uint64_t number) {
    std::string digits = std::to_string(number);
    for (std::size_t place = digits.size(); place > 3;) {
        place -= 3;
        digits.insert(place, 1, ',');
    }
    return digits;
}

}  // namespace ratiofarm
