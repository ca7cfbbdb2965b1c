#pragma once

#include <optional>

#include "ratiofarm/core/log.hpp"

#include "results/finite_mc_record.hpp"

#include "finite_mc_estimates.hpp"

/// [finite_mc] of a campaign in its fit.
namespace ratiofarm {

/// Collective over comm. What [finite_mc] asks for, after a fit; nothing if it asks for nothing,
/// or the parameter of interest has no error. \param result of the model without it
/// \throws AgreedError (usage) if the ratio file lacks what the method needs
std::optional<FiniteMcRecord> finite_mc_record(const mpi::Communicator& comm,
                                               const FittedPoint& point,
                                               const FitResult& result,
                                               const Log& log);

/// True if [finite_mc] changes the ratios of the fit or adds a nuisance parameter.
bool changes_fit(const std::optional<FiniteMcRecord>& record);

/// The model of that fit: with the nuisance parameter, if there is one.
StatisticalModel finite_mc_model(StatisticalModel model,
                                 const std::optional<FiniteMcRecord>& record);

/// Collective over comm. As load_data(), for that fit.
/// \param model without the nuisance parameter  \param rows at least
LikelihoodData finite_mc_data(const mpi::Communicator& comm,
                              const Campaign& campaign,
                              const StatisticalModel& model,
                              const RatioFiles& ratios,
                              const std::optional<FiniteMcRecord>& record,
                              ReferenceRows rows = ReferenceRows::where_needed);

/// Divides t of the scan by an inflation and widens the interval of the parameter of interest to
/// where the inflated t is 1. Collective over the likelihood's communicator.
void inflate(const Likelihood& likelihood, double inflation, FitResult& result);

}  // namespace ratiofarm
