#include "ratiofarm/core/key.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace ratiofarm {
namespace {

/// Limits are mostly round: 0 is clearer than 0.0.
std::string limit_text(double limit) {
    std::array<char, 40> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), limit,
                                   std::chars_format::general);
    return {buffer.data(), end.ptr};
}

}  // namespace

bool NumberLimits::allow(double value) const {
    return std::isfinite(value) && (low_allowed ? value >= low : value > low) && value <= high;
}

std::string NumberLimits::text() const {
    const bool bounded_below = std::isfinite(low);
    const bool bounded_above = std::isfinite(high);
    if (bounded_below && bounded_above && low_allowed) {
        return "a number from " + limit_text(low) + " to " + limit_text(high) + std::string(hint);
    }
    std::string text = "a finite number";
    if (bounded_below)
        text = "a number " + std::string(low_allowed ? ">= " : "> ") + limit_text(low);
    if (bounded_above) text += " and <= " + limit_text(high);
    return text + std::string(hint);
}

std::string WholeLimits::text() const {
    return "a whole number from " + std::to_string(low) + " to " + std::to_string(high);
}

}  // namespace ratiofarm
