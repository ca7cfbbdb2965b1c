#pragma once

#include <optional>
#include <string>

#include "results/fit_json.hpp"

namespace ratiofarm {

/// A value with its error to two significant digits, the value to the same decimals:
/// "1.003 +- 0.048". Without a positive finite error only the value, six digits.
std::string with_error(double value, double error);

/// The error of the parameter of interest that those of comparison fits can be compared with, which
/// know no systematics: with all constrained parameters fixed.
double error_to_compare(const FitResult& fit);

/// error_to_compare() over the error of a comparison fit: less than 1 where this fit knows more.
/// None where one of them has no error. The one ratio of errors that texts and reports show.
std::optional<double> error_ratio(const FitResult& fit, const FittedParameter& other);

/// "error of this fit / its error"
std::string error_ratio_name(const FitResult& fit);

/// Why a parameter has no error: "fixed", "at the bound of its range"; empty if it has one.
std::string why_no_error(const FittedParameter& parameter);

/// The fit as text for the terminal, first line "mu = 1.00 +- 0.48": parameters, the parts of the
/// error, other minima, comparison fits, guards and warnings. Ends with a newline.
std::string fit_text(const FitRecord& record);

/// Impacts on the parameter of interest in the order of one definition, with all of them, the
/// refits if there are any, and the parts of the error. Says which number follows which definition.
std::string impacts_text(const FitRecord& record, ImpactDefinition order);

}  // namespace ratiofarm
