#pragma once

#include <optional>
#include <span>
#include <vector>

#include "ratiofarm/fit/likelihood.hpp"

#include "results/finite_mc_record.hpp"

#include "fit_input.hpp"

/// How much the estimate moves with the finite number of simulated events. See docs/finite_mc.md.
namespace ratiofarm {

/// A fit that was made.
struct FittedPoint {
    const Campaign& campaign;
    const RatioFiles& ratios;
    const StatisticalModel& model;
    const LikelihoodData& data;
    std::vector<double> u;  ///< [n], its minimum, internal coordinates
    LikelihoodOptions options;
};

/// The sets that make up the events of each unbinned region.
std::vector<std::vector<FittedSet>> sets_of(const FittedPoint& point, ReferenceRows rows);

/// Collective over comm. One fit for each net number, from the minimum, with the ratios of this
/// net for all processes of all regions that have net ratios, normalised on the reference; of a
/// replica with its bootstrap weights of the reference events. \throws AgreedError (usage) if lines
/// cannot be read
EstimateSpread estimate_spread(const mpi::Communicator& comm,
                               const FittedPoint& point,
                               NetRatios lines);

/// Weighted members with the direction of their weights that moves the estimate most for its
/// likelihood.
struct WeightedMembersStudy {
    WeightedMembersFit fit;
    std::vector<double> u;                ///< its minimum
    std::vector<NetRatioSums> direction;  ///< [regions], moves the estimate by about one sigma
};

/// Collective over comm. Weights of the members from the inference events, the fit with their
/// ratios, and what the covariance of the weights does to its estimate.
/// \param ridge of all weights; without it each process has its own, see fit_member_weights()
/// \throws AgreedError (usage) if lines cannot be read
WeightedMembersStudy weighted_members(const mpi::Communicator& comm,
                                      const FittedPoint& point,
                                      std::optional<double> ridge = std::nullopt);

/// The direction along which the estimates of the replicas scatter, of one sigma.
std::vector<NetRatioSums> direction_of(const RatioFiles& ratios, const EstimateSpread& replicas);

/// Collective over comm. By how much a step of 1 along a direction moves the estimate.
double response_to(const mpi::Communicator& comm,
                   const FittedPoint& point,
                   const LikelihoodData& data,
                   const std::vector<NetRatioSums>& direction);

}  // namespace ratiofarm
