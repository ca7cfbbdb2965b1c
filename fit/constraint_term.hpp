#pragma once

#include <span>
#include <vector>

#include "ratiofarm/fit/likelihood.hpp"
#include "ratiofarm/physics/statistical_model.hpp"

namespace ratiofarm {

/// Adds the constraint terms of all parameters (Constraint). A parameter with a Poisson constraint
/// is held above 1e-9 in its logarithm.
/// \param observed [n], global observables  \param u [n], internal; constrained parameters have no
/// root, so u is the parameter
void add_constraints(const StatisticalModel& model,
                     std::span<const double> observed,
                     std::span<const double> u,
                     Evaluation& to);

}  // namespace ratiofarm
