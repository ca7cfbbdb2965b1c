#pragma once

#include <span>
#include <vector>

#include "ratiofarm/fit/likelihood.hpp"

namespace ratiofarm {

/// Collective over comm. The Hessian row by row: row a is the derivative of the gradient along
/// u_a, by forward differentiation (dual numbers) of the gradient of every event, the
/// Hessian-vector product of automatic differentiation. Rows are dealt over the ranks, and every
/// rank holds all events. This is how the Hessian of such likelihoods is published; it costs one
/// pass per parameter and is here as an oracle of Likelihood::evaluate and for comparison.
/// Covers unbinned regions with any ShapeNorm; binned regions and constraints are not included.
/// \param u [n], internal coordinates  \return [n, n], only of the unbinned terms
/// \throws AgreedError if the events cannot be read on some rank
std::vector<double> unbinned_hessian_by_rows(const StatisticalModel& model,
                                             const LikelihoodData& data,
                                             const mpi::Communicator& comm,
                                             std::span<const double> u);

}  // namespace ratiofarm
