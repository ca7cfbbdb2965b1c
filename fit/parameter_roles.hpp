#pragma once

#include <span>
#include <vector>

#include "ratiofarm/fit/likelihood.hpp"
#include "ratiofarm/physics/statistical_model.hpp"

namespace ratiofarm {

/// What a model does with one of its parameters.
struct ParameterRole {
    bool used = false;          ///< in a coefficient, a systematic or a bin factor
    bool undetermined = false;  ///< neither used nor constrained: no data can tell its value
    /// A coefficient is of second or higher order in it (in internal coordinates, together with
    /// others that are free and not constrained): the likelihood may then have several minima along
    /// it. Where every coefficient is linear, each ln D_i is concave in it, and there is one
    /// minimum.
    bool several_minima = false;
    ShapeParity parity = {};
    double turning = 0.0;  ///< the part of parity.even where both sides of a variation lie on one
                           ///< side of the nominal, or one on it: a mirrored minimum may exist
    /// The same of single samples of bins: of the others further parameters may make good.
    double turning_of_samples = 0.0;
};

/// [parameters]
std::vector<ParameterRole> parameter_roles(const StatisticalModel& model);

/// With what the shapes of the events add to kinks, parity and turning.
/// \param u where coefficients say how much of each sample there is
std::vector<ParameterRole> parameter_roles(const Likelihood& likelihood, std::span<const double> u);

/// The same at the start values.
std::vector<ParameterRole> parameter_roles(const Likelihood& likelihood);

}  // namespace ratiofarm
