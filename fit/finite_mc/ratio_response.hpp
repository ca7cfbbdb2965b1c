#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "ratiofarm/fit/likelihood.hpp"

namespace ratiofarm {

/// Ways to change the ratios of one unbinned region: ln r of process[d] by some function of the
/// event.
struct RatioDirections {
    std::vector<std::size_t> process;  ///< [D], columns of log r
    /// [D, n] of a range of the region's events; by several threads at once
    std::function<std::vector<float>(Range)> read;
};

/// How the estimate of the parameter of interest moves with the ratios, to first order, all other
/// free parameters following: -(H^-1)_mu . d2 NLL / (d theta d step).
struct RatioResponse {
    /// [regions][D], per unit of each direction; the ratios are normalised on the reference again,
    /// but for ShapeNorm::none.
    std::vector<std::vector<double>> direction;
    /// [regions][processes], per unit of ln r of a process at all events, not normalised again:
    /// what an error of the normalisation does.
    std::vector<std::vector<double>> constant;
};

/// Collective over comm. The directions enter the likelihood as shapes, so that its exact Hessian
/// holds the mixed derivatives; one pass for every 24 directions of a region.
/// \param data with reference rows in regions that are normalised  \param u [n], the minimum
/// \param directions one per unbinned region
RatioResponse ratio_response(const StatisticalModel& model,
                             const LikelihoodData& data,
                             const mpi::Communicator& comm,
                             std::span<const double> u,
                             std::span<const RatioDirections> directions);

}  // namespace ratiofarm
