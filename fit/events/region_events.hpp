#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "ratiofarm/fit/event_set.hpp"
#include "ratiofarm/fit/likelihood.hpp"
#include "ratiofarm/mpi/communicator.hpp"

#include "region_layout.hpp"

namespace ratiofarm {

/// Sums over the data events, with T_ij = r_ij prod_m g_ijm(alpha), D_i = sum_j R_j T_ij,
/// u = g'/g and v = g''/g of one column, L the logarithm or its continuation (Likelihood).
struct MixtureSums {
    double value = 0.0;                  ///< sum w L(D)
    std::uint64_t below_floor = 0;       ///< events with weight whose D is below its floor
    std::vector<double> gradient;        ///< [S], sum w L' T_j
    std::vector<double> shape_gradient;  ///< [C], sum w L' T_j u
    std::vector<double>
        shape_curvature;        ///< [P, P], sum w L' sum_j R_j T_j (u_m u_n, or v if m = n)
    std::vector<double> outer;  ///< [P + S, P + S], sum -w L'' z z^T, z_m = sum_j R_j T_j
                                ///< u_jm for shape parameters, then T_j for processes
    std::vector<std::uint64_t>
        clipped;  ///< [S], columns of events whose g was held above its floor
};

/// Sums over the reference events, which have T_ij as above.
struct ReferenceSums {
    double weight = 0.0;           ///< sum w
    std::vector<double> value;     ///< [S], sum w T_j
    std::vector<double> gradient;  ///< [C], sum w T_j u
    std::vector<std::vector<double>>
        curvature;  ///< [S][P_j, P_j], sum w T_j (u_m u_n, or v if m = n),
                    ///< over the columns of process j in their order
};

/// The events of one unbinned region that lie on this rank, arranged for the kernels. All sums run
/// over the events of all ranks; their bits depend neither on ranks nor threads nor instructions.
class RegionEvents {
public:
    /// Collective over comm, which must outlive this. Reads this rank's events piece by piece, by
    /// options.threads threads at once. \param source its shapes are the columns of the layout
    /// \throws AgreedError (usage) on every rank, naming the event, if a weight is not finite, a
    /// log ratio is not finite or beyond +600, or a log g is not finite
    RegionEvents(const RegionLayout& layout,
                 const EventSource& source,
                 const mpi::Communicator& comm,
                 const LikelihoodOptions& options);
    ~RegionEvents();
    RegionEvents(RegionEvents&&) noexcept;
    RegionEvents& operator=(RegionEvents&&) noexcept;

    /// Collective over comm. One pass over the events with weight. Sums that overflow are NaN.
    /// \param rates [S], R_j, may be negative
    /// \param alpha [P]; where one is beyond 6.7 (2.5 with exp_quadratic) single precision gives
    /// way to double
    MixtureSums mixture(std::span<const double> rates, std::span<const double> alpha) const;

    /// Collective over comm. One pass over the events with reference weight. \param alpha [P]
    ReferenceSums reference(std::span<const double> alpha) const;

    std::uint64_t n_events() const;       ///< on all ranks
    std::uint64_t n_zero_weight() const;  ///< on all ranks, neither weight nor reference
    std::uint64_t n_bytes() const;        ///< held by this rank
    /// Anchors of data or reference events that were clipped to a factor of 20.
    struct ClippedAnchors {
        std::uint64_t count = 0;
        std::optional<double> share = {};  ///< as in ClippedAnchorCount
    };
    const std::vector<ClippedAnchors>& clipped_anchors() const;  ///< [S], on all ranks
    /// [P], of the data and reference events on all ranks
    const std::vector<ShapeParity>& parities() const;

private:
    void count_everywhere();

    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace ratiofarm
