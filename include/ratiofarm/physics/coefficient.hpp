#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ratiofarm {

/// c * prod_k p_k^power_k over parameters of interest.
struct CoefficientTerm {
    struct Factor {
        std::string parameter;
        double power = 1.0;  ///< a multiple of 1/2, > 0
        bool operator==(const Factor&) const = default;
    };
    double constant = 1.0;
    std::vector<Factor> factors;  ///< sorted by parameter, each parameter once
    bool operator==(const CoefficientTerm&) const = default;
};

/// The factor f_j(mu) of one process: a sum of terms, may be negative. "mu - sqrt(mu)".
struct Coefficient {
    std::vector<CoefficientTerm> terms;  ///< each product of powers once; none at all is zero
    bool operator==(const Coefficient&) const = default;

    /// Parses a polynomial in the parameters and their square roots: numbers, parameters, + - *,
    /// parentheses, division by a number, ^ with a power that is a multiple of 1/2, and sqrt() of
    /// a number or of a parameter. "(mu - sqrt(mu)) / (10 - sqrt(10))". Products are expanded and
    /// like terms are merged.
    /// \throws ConfigError naming the text and the place that was not understood
    static Coefficient parse(std::string_view text, std::span<const std::string> parameters);

    /// Canonical text that parses to the same value.
    std::string text() const;

    /// True if some term holds the parameter with a power that is not an integer.
    bool has_root_of(std::string_view parameter) const;
};

}  // namespace ratiofarm
