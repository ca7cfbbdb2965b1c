#include "ratiofarm/physics/coefficient.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace ratiofarm {
namespace {

/// Shortest decimal that reads back as the same double.
std::string shortest(double value) {
    std::array<char, 32> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
    return {buffer.data(), end};
}

std::string factor_text(const CoefficientTerm::Factor& factor) {
    if (factor.power == 1.0) return factor.parameter;
    if (factor.power == 0.5) return "sqrt(" + factor.parameter + ")";
    return factor.parameter + "^" + shortest(factor.power);
}

/// The term without its sign.
std::string magnitude_text(const CoefficientTerm& term) {
    const double magnitude = std::abs(term.constant);
    std::string text;
    if (magnitude != 1.0 || term.factors.empty()) text = shortest(magnitude);
    for (const auto& factor : term.factors) {
        if (!text.empty()) text += "*";
        text += factor_text(factor);
    }
    return text;
}

}  // namespace

std::string Coefficient::text() const {
    if (terms.empty()) return "0";
    std::string text;
    for (const auto& term : terms) {
        const bool negative = term.constant < 0.0;
        if (text.empty()) {
            text = negative ? "-" : "";
        } else {
            text += negative ? " - " : " + ";
        }
        text += magnitude_text(term);
    }
    return text;
}

bool Coefficient::has_root_of(std::string_view parameter) const {
    for (const auto& term : terms) {
        for (const auto& factor : term.factors) {
            if (factor.parameter == parameter && factor.power != std::floor(factor.power)) {
                return true;
            }
        }
    }
    return false;
}

}  // namespace ratiofarm
