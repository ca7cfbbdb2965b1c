#include "polynomial.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ratiofarm {
namespace {

void add_term(Coefficient& polynomial, const CoefficientTerm& term) {
    auto like = std::find_if(polynomial.terms.begin(), polynomial.terms.end(),
                             [&](const auto& other) { return other.factors == term.factors; });
    if (like == polynomial.terms.end()) {
        polynomial.terms.push_back(term);
    } else {
        like->constant += term.constant;
    }
}

void drop_zero_terms(Coefficient& polynomial) {
    std::erase_if(polynomial.terms, [](const auto& term) { return term.constant == 0.0; });
}

CoefficientTerm multiply(const CoefficientTerm& left, const CoefficientTerm& right) {
    CoefficientTerm result{left.constant * right.constant, left.factors};
    for (const auto& factor : right.factors) {
        auto place = std::lower_bound(
            result.factors.begin(), result.factors.end(), factor.parameter,
            [](const auto& other, const std::string& name) { return other.parameter < name; });
        if (place != result.factors.end() && place->parameter == factor.parameter) {
            place->power += factor.power;
        } else {
            result.factors.insert(place, factor);
        }
    }
    return result;
}

}  // namespace

Coefficient constant_polynomial(double value) {
    Coefficient result{{{value, {}}}};
    drop_zero_terms(result);
    return result;
}

Coefficient parameter_polynomial(std::string name) { return {{{1.0, {{std::move(name), 1.0}}}}}; }

Coefficient sum(const Coefficient& left, const Coefficient& right) {
    Coefficient result = left;
    for (const auto& term : right.terms) add_term(result, term);
    drop_zero_terms(result);
    return result;
}

Coefficient product(const Coefficient& left, const Coefficient& right) {
    Coefficient result;
    for (const auto& a : left.terms) {
        for (const auto& b : right.terms) add_term(result, multiply(a, b));
    }
    drop_zero_terms(result);
    return result;
}

Coefficient scaled(const Coefficient& polynomial, double factor) {
    return product(constant_polynomial(factor), polynomial);
}

bool is_constant(const Coefficient& polynomial, double& value) {
    value = polynomial.terms.empty() ? 0.0 : polynomial.terms.front().constant;
    return polynomial.terms.empty() ||
           (polynomial.terms.size() == 1 && polynomial.terms.front().factors.empty());
}

bool power(const Coefficient& base, double exponent, Coefficient& result) {
    if (exponent == std::floor(exponent)) {
        result = constant_polynomial(1.0);
        for (int k = 0; k < static_cast<int>(exponent); ++k) result = product(result, base);
        return true;
    }
    if (base.terms.size() != 1 || base.terms.front().constant < 0.0) return false;
    CoefficientTerm term = base.terms.front();
    term.constant = std::pow(term.constant, exponent);
    for (auto& factor : term.factors) {
        factor.power *= exponent;
        if (2.0 * factor.power != std::floor(2.0 * factor.power)) return false;
    }
    result = {{term}};
    return true;
}

}  // namespace ratiofarm
