#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ratiofarm/fit/event_set.hpp"
#include "ratiofarm/mpi/communicator.hpp"
#include "ratiofarm/physics/internal_coordinates.hpp"
#include "ratiofarm/physics/statistical_model.hpp"

namespace ratiofarm {

/// Value and derivatives of a negative log-likelihood in internal coordinates (u, see
/// InternalCoordinates), n parameters.
struct Evaluation {
    double nll = 0.0;
    std::vector<double> gradient;  ///< [n], dNLL/du_a
    std::vector<double> hessian;   ///< [n, n], symmetric
    std::vector<double> fisher;    ///< [n, n], the part of the Hessian that is never negative where
                                   ///< weights are not: sums of w s s^T, and the constraints
    std::uint64_t below_floor = 0;       ///< events whose mixture needed the continuation
    std::uint64_t bins_below_floor = 0;  ///< bins whose expectation did
    std::uint64_t clipped = 0;           ///< per-event factors g that were held above their floor
};

/// How ln g is kept in memory.
enum class ShapeStorage : std::uint8_t {
    fp32,
    fp16,  ///< half the memory; ln g is rounded to 11 bits
};

/// In which precision shapes are evaluated and summed within a block of events. Sums over blocks
/// and everything without shapes are in double precision always.
enum class ShapePrecision : std::uint8_t { fp64, fp32 };

/// Which machine instructions evaluate the events. Every choice gives the same bits, but textbook.
enum class InstructionSet : std::uint8_t {
    automatic,
    portable,
    avx2,
    avx512,
    textbook,  ///< a plain loop over single events in double precision, read again for every
               ///< evaluation: slow and clear, for checks (equal to about 1e-12)
};

class SumsDevice;

struct LikelihoodOptions {
    unsigned threads = 1;  ///< of this rank; does not change a bit of the result
    ShapeStorage storage = ShapeStorage::fp32;
    ShapePrecision precision = ShapePrecision::fp64;
    InstructionSet instructions = InstructionSet::automatic;  ///< what the machine lacks falls back
    /// Sums over events instead of the kernels, equal to about 1e-12 (fp32: 3e-6);
    /// the last bits depend on it and on the ranks. With ln g in fp32 only.
    std::shared_ptr<SumsDevice> device = {};
};

/// ln Z_j(alpha) of one process with derivatives in the shape parameters of its region.
struct LogNormalisation {
    double value = 0.0;
    std::vector<double> gradient;  ///< [P]
    std::vector<double> hessian;   ///< [P, P]
};

/// ln Z_j along one shape parameter, the others at the point of an expansion.
struct NormalisationAxis {
    std::vector<double> knots;                  ///< [K], ascending, over the parameter's range
    std::vector<std::array<double, 3>> values;  ///< [S, K], ln Z_j and its first two derivatives
    std::vector<double> gradients;   ///< [S, K, P], the derivative in each of the other parameters
    std::vector<double> curvatures;  ///< [S, K, P], the mixed derivative in both
};

/// ln Z_j(alpha) of all processes of a region around a point: to second order, or, with axes, exact
/// along each single parameter with its gradients in the others. A parabola is not enough far from
/// its point: interpolated shapes are normalised at -1, 0 and 1, so ln Z is not a parabola even
/// there, and where the parabola falls the likelihood runs away.
struct NormalisationExpansion {
    std::vector<double> point;              ///< [P], of the region's shape parameters
    std::vector<LogNormalisation> log_z;    ///< [S]; empty for a region without shapes
    std::vector<NormalisationAxis> axes{};  ///< [P], or empty: second order in everything
};

/// What is compared with a model.
struct LikelihoodData {
    std::vector<EventSource> unbinned;        ///< one per unbinned region
    std::vector<std::vector<double>> binned;  ///< [region][bins], contents >= 0
    /// One per unbinned region, or none. What ShapeNorm::reference_quadratic uses instead of its
    /// own sums: the events then need no reference among them, as in toys.
    std::vector<std::shared_ptr<const NormalisationExpansion>> expansions{};
};

/// Data with every number at its expectation: events and bins, and the global observables.
struct ExpectedData {
    LikelihoodData data;
    std::vector<double> observed;  ///< [n_parameters()], for Likelihood::set_observed
};

/// Z_j(alpha) of a process of an unbinned region, for people.
struct ShapeNormalisation {
    std::string region;
    std::string process;
    double z = 1.0;               ///< as used by the likelihood
    double z_of_reference = 1.0;  ///< the full sum over the reference events
};

/// How the effects of a parameter turn round at 0, as they do where both sides of a variation lie
/// on one side of the nominal. In binned regions and for yields: sums of
/// ((Delta_up +- Delta_down) / 2)^2 / nu, the information about the parameter; for shapes of events
/// sums of ((ln g_up +- ln g_down) / 2)^2.
struct ShapeParity {
    double even = 0.0;
    double odd = 0.0;
    bool kinked = false;  ///< the derivative jumps at 0
};

/// Which terms of a likelihood are evaluated.
enum class LikelihoodPart : std::uint8_t {
    all,
    unbinned,  ///< of the events
    rest,      ///< of binned regions and constraints
};

/// The likelihood of unbinned regions (weighted events under a signed mixture), binned regions and
/// constraint terms, which share parameters:
///     NLL(theta) = sum_regions [ nu(theta) - sum_i w_i ln D_i(theta) ]
///                + sum_bins [ nu_b - n_b ln nu_b ] + constraints (Constraint),
///     D_i = sum_j R_j T_ij,   R_j = f_j(mu) nu_j prod_m G_jm(alpha_m) / Z_j(alpha),
///     T_ij = r_j(x_i) prod_m g_jm(x_i, alpha_m),   nu = sum_j f_j nu_j prod_m G_jm,
/// with value, gradient and exact Hessian from one pass over the events (arXiv:2412.01600;
/// constants dropped). With ShapeNorm::reference Z_j(alpha) is the mean of T_j over the reference
/// events, and its derivatives are part of gradient and Hessian.
///
/// Guards. Each event has a floor, 1e-6 times its mixture at all f_j = 1 and alpha = 0. Below it
/// ln D is continued with t = D / floor - 1 as ln(floor) + t - t^2/2 where w > 0: a barrier that is
/// smooth to second order and that Newton steps can leave. Where w < 0 the same barrier would be a
/// bottomless reward, hence ln(floor) + (t - t^2/2) / (1 + t^2), smooth as well and bounded. Such
/// events are counted in Evaluation::below_floor, bins in bins_below_floor. Anchors of g beyond a
/// factor of 20 are clipped to it when the events are loaded, since code 4 can turn negative
/// beyond; the other codes are held above 1e-6 at every evaluation (Evaluation::clipped).
///
/// The events lie in shards that depend only on their number; sums run in a fixed order, so the
/// bits of an Evaluation depend neither on ranks nor threads nor on the instruction set.
class Likelihood {
public:
    /// Collective over comm, which must outlive the likelihood. Reads the events of this rank.
    /// \throws ConfigError if the model does not hold together
    /// \throws AgreedError (usage) on every rank, naming the event, if the events cannot be used
    Likelihood(StatisticalModel model,
               const LikelihoodData& data,
               const mpi::Communicator& comm,
               LikelihoodOptions options = {});
    Likelihood(StatisticalModel,
               const LikelihoodData&,
               mpi::Communicator&&,
               LikelihoodOptions = {}) = delete;  // it would not outlive the likelihood
    ~Likelihood();
    Likelihood(Likelihood&&) noexcept;
    Likelihood& operator=(Likelihood&&) noexcept;

    const StatisticalModel& model() const;
    const mpi::Communicator& communicator() const;
    const InternalCoordinates& coordinates() const;
    std::size_t n_parameters() const { return coordinates().size(); }

    /// True if the parameter appears in the coefficient of some process: the likelihood may then
    /// have several minima along it.
    bool in_coefficient(std::size_t parameter) const;

    /// Collective over comm. One pass over the events; none if only the other parts are asked for.
    /// \param u [n_parameters()], internal
    Evaluation evaluate(std::span<const double> u, LikelihoodPart part = LikelihoodPart::all) const;

    /// Changes the global observables; the events are not read again.
    /// \param observed [n_parameters()], of constrained parameters; others are ignored
    void set_observed(std::span<const double> observed);
    std::span<const double> observed() const;  ///< [n_parameters()], now in use

    /// Collective over comm. Z_j at a point; with ShapeNorm::reference_quadratic both its
    /// expansion and the full sum. Empty for regions without shapes, whose expansion was given, or
    /// that are not normalised and have no reference events.
    std::vector<ShapeNormalisation> normalisations(std::span<const double> u) const;

    /// Collective over comm. Z_j around a point with the axes, one per unbinned region, for
    /// LikelihoodData. Some twenty sums over the reference events for each shape parameter.
    std::vector<NormalisationExpansion> expansions(std::span<const double> u) const;

    /// Collective over comm. What would be observed on average if u were true. Unbinned regions:
    /// the reference events with weights ref_i / sum(ref) * D_i(u), so that they close by
    /// construction; every read of them computes the weights again.
    /// \param data of this likelihood; must outlive the result
    /// \throws AgreedError (usage) if a region has no reference events, or a bin expects less than
    /// 0
    ExpectedData expected_data(const LikelihoodData& data, std::span<const double> u) const;

    /// [n_parameters()], of the shapes of events.
    std::vector<ShapeParity> shape_parities() const;

    /// What is wrong with bins that expect no event where some were seen, or less than none: one
    /// line each, naming region, bin, both numbers and what to do. \param u [n_parameters()]
    std::vector<std::string> impossible_bins(std::span<const double> u) const;

    std::uint64_t n_events() const;       ///< on all ranks, those without weight included
    std::uint64_t n_zero_weight() const;  ///< on all ranks
    std::uint64_t n_bytes() const;        ///< of events, held by this rank
    std::uint64_t passes() const;         ///< evaluations so far

    /// Anchors of g beyond a factor of 20, clipped: one entry per region and process with some.
    struct ClippedAnchors {
        std::string region;
        std::string process;
        std::uint64_t count = 0;
        std::optional<double> share = {};  ///< as in ClippedAnchorCount
    };
    std::vector<ClippedAnchors> clipped_anchors() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace ratiofarm
