#pragma once

#include "ratiofarm/physics/coefficient.hpp"

namespace ratiofarm {

// Arithmetic of the polynomials that coefficients are parsed into. Every result is normalised:
// like terms merged in order of first appearance, zero terms dropped.

Coefficient constant_polynomial(double value);
Coefficient parameter_polynomial(std::string name);
Coefficient sum(const Coefficient& left, const Coefficient& right);
Coefficient product(const Coefficient& left, const Coefficient& right);
Coefficient scaled(const Coefficient& polynomial, double factor);

/// The only term of a polynomial that is a number or zero.
bool is_constant(const Coefficient& polynomial, double& value);

/// \param exponent a multiple of 1/2, >= 0
/// \return false if the power is not a polynomial: a root of a sum or of a negative term
bool power(const Coefficient& base, double exponent, Coefficient& result);

}  // namespace ratiofarm
