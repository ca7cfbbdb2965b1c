#include <cctype>
#include <charconv>
#include <cmath>
#include <system_error>

#include "ratiofarm/core/errors.hpp"
#include "ratiofarm/physics/coefficient.hpp"

#include "core/suggest.hpp"

#include "polynomial.hpp"

namespace ratiofarm {
namespace {

/// Larger powers are slips of the pen, and expanding them could take for ever.
constexpr double largest_power = 20.0;
constexpr std::size_t most_terms = 1000;
constexpr int deepest = 100;  ///< brackets and signs within each other

/// Recursive descent: sum > product > signed > power > primary, each one a method.
class Parser {
public:
    Parser(std::string_view text, std::span<const std::string> parameters)
        : text_(text), parameters_(parameters) {}

    Coefficient parse() {
        Coefficient result = parse_sum();
        if (next() != '\0') fail("cannot understand '" + std::string(1, next()) + "'");
        return result;
    }

private:
    [[noreturn]] void fail(const std::string& problem, const std::string& hint = "") const {
        throw ConfigError("coefficient '" + std::string(text_) + "': " + problem +
                          " at character " + std::to_string(place_ + 1) + hint +
                          " (allowed: sums and products of numbers, parameters, parameter^power "
                          "and sqrt(parameter), such as 'mu - sqrt(mu)')");
    }

    /// The next character that is not blank, or 0 at the end.
    char next() {
        while (place_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[place_]))) {
            ++place_;
        }
        return place_ < text_.size() ? text_[place_] : '\0';
    }

    bool take(char wanted) {
        if (next() != wanted) return false;
        ++place_;
        return true;
    }

    Coefficient parse_sum() {
        Coefficient result = parse_product();
        for (;;) {
            if (take('+')) {
                result = sum(result, parse_product());
            } else if (take('-')) {
                result = sum(result, scaled(parse_product(), -1.0));
            } else {
                return result;
            }
        }
    }

    Coefficient parse_product() {
        Coefficient result = parse_signed();
        for (;;) {
            if (take('*')) {
                result = multiplied(result, parse_signed());
            } else if (next() == '/') {
                result = scaled(result, 1.0 / parse_divisor());
            } else {
                return result;
            }
        }
    }

    double parse_divisor() {
        const std::size_t slash = place_;
        take('/');
        double divisor = 0.0;
        if (!is_constant(parse_signed(), divisor) || divisor == 0.0) {
            place_ = slash;
            fail("only a number other than zero can divide");
        }
        return divisor;
    }

    Coefficient parse_signed() {
        if (++depth_ > deepest) {
            fail("brackets and signs are nested deeper than " + std::to_string(deepest) +
                 " levels");
        }
        Coefficient result;
        if (take('-')) {
            result = scaled(parse_signed(), -1.0);
        } else if (take('+')) {
            result = parse_signed();
        } else {
            result = parse_power();
        }
        --depth_;
        return result;
    }

    Coefficient multiplied(const Coefficient& left, const Coefficient& right) const {
        Coefficient result = product(left, right);
        if (result.terms.size() > most_terms) {
            fail("it expands to more than " + std::to_string(most_terms) + " terms");
        }
        return result;
    }

    Coefficient parse_power() {
        const Coefficient base = parse_primary();
        if (next() != '^') return base;
        const std::size_t caret = place_;
        take('^');
        next();
        const double exponent = parse_number("a number after '^'");
        Coefficient result;
        const bool allowed = exponent >= 0.0 && exponent <= largest_power &&
                             2.0 * exponent == std::floor(2.0 * exponent);
        if (allowed && base.terms.size() > 1 && exponent == std::floor(exponent)) {
            result = constant_polynomial(1.0);
            for (int k = 0; k < static_cast<int>(exponent); ++k) result = multiplied(result, base);
        } else if (!allowed || !power(base, exponent, result)) {
            place_ = caret;
            fail(
                "the power must be a whole number, or a half-integer of a single parameter, "
                "from 0 to 20");
        }
        return result;
    }

    Coefficient parse_primary() {
        if (take('(')) {
            Coefficient inner = parse_sum();
            if (!take(')')) fail("')' is missing");
            return inner;
        }
        const char c = next();
        if (std::isalpha(static_cast<unsigned char>(c)) || c == '_') return parse_name();
        return constant_polynomial(parse_number("a number, a parameter, sqrt or '('"));
    }

    Coefficient parse_name() {
        const std::size_t start = place_;
        while (place_ < text_.size() &&
               (std::isalnum(static_cast<unsigned char>(text_[place_])) || text_[place_] == '_')) {
            ++place_;
        }
        const std::string name(text_.substr(start, place_ - start));
        for (const auto& parameter : parameters_) {
            if (parameter == name) return parameter_polynomial(name);
        }
        if (name == "sqrt") return parse_root(start);
        place_ = start;
        std::vector<std::string> words(parameters_.begin(), parameters_.end());
        words.emplace_back("sqrt");
        fail("unknown parameter '" + name + "'", did_you_mean(name, words));
    }

    Coefficient parse_root(std::size_t start) {
        if (!take('(')) fail("'(' is missing after sqrt");
        const Coefficient inner = parse_sum();
        if (!take(')')) fail("')' is missing");
        Coefficient result;
        if (!power(inner, 0.5, result)) {
            place_ = start;
            fail("sqrt takes one parameter or a number >= 0");
        }
        return result;
    }

    double parse_number(const std::string& wanted) {
        double value = 0.0;
        const char* first = text_.data() + place_;
        const auto [end, error] = std::from_chars(first, text_.data() + text_.size(), value);
        if (error != std::errc{} || !std::isfinite(value)) fail("expected " + wanted);
        place_ += static_cast<std::size_t>(end - first);
        return value;
    }

    std::string_view text_;
    std::span<const std::string> parameters_;
    std::size_t place_ = 0;
    int depth_ = 0;
};

}  // namespace

Coefficient Coefficient::parse(std::string_view text, std::span<const std::string> parameters) {
    return Parser(text, parameters).parse();
}

}  // namespace ratiofarm
