#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "ratiofarm/fit/event_set.hpp"
#include "ratiofarm/mpi/communicator.hpp"
#include "ratiofarm/physics/mixture_coefficients.hpp"
#include "ratiofarm/physics/statistical_model.hpp"

namespace ratiofarm {

/// Value and derivatives of a negative log-likelihood in internal coordinates (u, see
/// InternalCoordinates), n parameters.
struct Evaluation {
    double nll = 0.0;
    std::vector<double> gradient;   ///< [n], dNLL/du_a
    std::vector<double> hessian;    ///< [n, n], symmetric
    std::uint64_t below_floor = 0;  ///< events whose mixture needed the continuation
};

/// How r_j is kept in memory; sums are always in double precision.
enum class RatioStorage : std::uint8_t {
    fp64,  ///< 8 bytes an event and process
    fp32,  ///< half the memory; r is rounded to 24 bits
};

/// Which machine instructions evaluate the events. Every choice gives the same bits.
enum class InstructionSet : std::uint8_t { automatic, portable, avx2, avx512 };

struct LikelihoodOptions {
    unsigned threads = 1;  ///< of this rank; does not change a bit of the result
    RatioStorage storage = RatioStorage::fp64;
    InstructionSet instructions = InstructionSet::automatic;  ///< what the machine lacks falls back
};

/// The extended unbinned likelihood of weighted events under a signed mixture,
///     NLL(theta) = nu(theta) - sum_i w_i ln D_i(theta),
///     nu = sum_j f_j nu_j,   D_i = sum_j f_j(theta) nu_j r_j(x_i),
/// with value, gradient and exact Hessian from one pass over the events (arXiv:2412.01600 without
/// nuisance parameters; constants dropped).
///
/// Guard. Each event has a floor, 1e-6 times its mixture at all f_j = 1. Below it ln D is
/// continued with t = D / floor - 1 as ln(floor) + t - t^2/2 where w > 0: a barrier that is smooth
/// to second order and that Newton steps can leave. Where w < 0 the same barrier would be a
/// bottomless reward, hence ln(floor) + (t - t^2/2) / (1 + t^2), smooth as well and bounded. Such
/// events are counted in Evaluation::below_floor.
///
/// The events lie in shards that depend on their number alone; sums run in a fixed order, so the
/// bits of an Evaluation depend neither on ranks nor threads nor on the instruction set.
class Likelihood {
public:
    /// Collective over comm, which must outlive the likelihood.
    /// \param mine events_of_rank() of the joined list; its processes are those of the model
    /// \throws ConfigError if the model does not hold together
    /// \throws AgreedError (usage) on every rank, naming the event, if a weight or a log ratio is
    /// not finite or a log ratio is beyond +600
    Likelihood(StatisticalModel model,
               const EventSet& mine,
               const mpi::Communicator& comm,
               LikelihoodOptions options = {});
    Likelihood(StatisticalModel,
               const EventSet&,
               mpi::Communicator&&,
               LikelihoodOptions = {}) = delete;  // it would not outlive the likelihood
    ~Likelihood();
    Likelihood(Likelihood&&) noexcept;
    Likelihood& operator=(Likelihood&&) noexcept;

    const StatisticalModel& model() const;
    const mpi::Communicator& communicator() const;
    const MixtureCoefficients& coefficients() const;
    const InternalCoordinates& coordinates() const { return coefficients().coordinates(); }
    std::size_t n_parameters() const { return coefficients().n_parameters(); }

    /// Collective over comm. One pass over the events. \param u [n_parameters()], internal
    Evaluation evaluate(std::span<const double> u) const;

    std::uint64_t n_events() const;       ///< on all ranks, those without weight included
    std::uint64_t n_zero_weight() const;  ///< on all ranks
    std::uint64_t passes() const;         ///< evaluations so far

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace ratiofarm
