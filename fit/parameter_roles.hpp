#pragma once

#include <vector>

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
};

/// [parameters]
std::vector<ParameterRole> parameter_roles(const StatisticalModel& model);

}  // namespace ratiofarm
