#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/core/log.hpp"
#include "ratiofarm/physics/statistical_model.hpp"

namespace ratiofarm {

class Likelihood;
struct FitResult;

/// How the estimate of the parameter of interest mu moves with another parameter a, by each of the
/// definitions in use. They differ by large factors for correlated parameters: always say which one
/// is meant. V is the covariance, H its inverse, delta_a the width of the constraint of a. All in
/// units of mu; signed.
struct Impact {
    std::string parameter;
    /// -H_mu,a / H_mu,mu delta_a: all others fixed (the post-fit error of a instead of delta_a
    /// where a is not constrained). arXiv:2412.01600
    double others_fixed = 0.0;
    /// V_mu,a / sqrt(V_aa): a moved by its post-fit error and everything else fitted again, to
    /// first order; what ranking plots usually show.
    double refit_shift = 0.0;
    /// V_mu,a / delta_a: the global observable of a moved by its width and everything fitted
    /// again, to first order. These add in quadrature to the systematic error (arXiv:2307.04007).
    /// Not for parameters without a constraint.
    std::optional<double> global_observable = {};
    /// True where first order tells little: both sides of the variation act alike (one-sided), or
    /// the minimum is at a kink. The numbers above are then no measure, those below are.
    bool not_linear = false;
    // Shifts found by fitting again, if asked for.
    std::optional<double> refit_down = {};  ///< shift of mu with a fixed at value - post-fit error
    std::optional<double> refit_up = {};
    std::optional<double> observable_down = {};  ///< shift of mu with the global observable moved
    std::optional<double> observable_up = {};
};

/// One group's part of the error of the parameter of interest, by two definitions.
struct GroupError {
    std::string group;
    double global_observables = 0.0;  ///< root of the sum of squares of Impact::global_observable
    double frozen = 0.0;  ///< root of V_mu,mu minus its value with the group's parameters fixed
};

/// The error of the parameter of interest, taken apart. Systematic means: constrained parameters.
struct ErrorBreakdown {
    double total = 0.0;               ///< sqrt(V_mu,mu)
    double systematic = 0.0;          ///< root of the sum of squares of Impact::global_observable
    double statistical = 0.0;         ///< root of total^2 - systematic^2
    double statistical_frozen = 0.0;  ///< error with all constrained parameters fixed; smaller,
                                      ///< since the data then need not determine them
    std::vector<GroupError> groups;   ///< of Parameter::group, in order of appearance
};

/// Width of a constraint in units of the parameter, at a value of it: the standard deviation of its
/// global observable. Empty without a constraint.
std::optional<double> constraint_width(const Parameter& parameter, double value);

/// All impacts on the parameter of interest from the covariance of a fit; parameters that are
/// fixed or at a bound have none.
std::vector<Impact> impacts(const StatisticalModel& model, const FitResult& result);

/// From the same covariance.
ErrorBreakdown error_breakdown(const StatisticalModel& model, const FitResult& result);

/// Collective over the likelihood's communicator. Fills refit_* and observable_* of these impacts
/// by fits that start from the result; their global observables are put back afterwards. What does
/// not converge stays empty, with a warning in the log. A parameter at a kink, which has no error,
/// is moved by the width of its constraint.
void refit_impacts(Likelihood& likelihood,
                   const FitResult& result,
                   std::span<Impact> impacts,
                   const Log& log);

/// Which number a ranking follows.
enum class ImpactDefinition { others_fixed, refit_shift, global_observable };

/// "global_observable".
std::string impact_definition_name(ImpactDefinition definition);

/// Largest magnitude first; those without a value by this definition last.
std::vector<Impact> ranked(std::vector<Impact> impacts, ImpactDefinition definition);

/// The number that a definition picks; empty where it does not apply.
std::optional<double> impact_value(const Impact& impact, ImpactDefinition definition);

}  // namespace ratiofarm
