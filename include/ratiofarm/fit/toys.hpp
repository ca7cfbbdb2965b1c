#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "ratiofarm/core/partition.hpp"
#include "ratiofarm/core/wire.hpp"
#include "ratiofarm/fit/likelihood.hpp"
#include "ratiofarm/fit/test_statistic.hpp"

/// Toys: pseudo-experiments that are thrown and fitted, to learn how a test statistic is
/// distributed where asymptotic formulae fail (section 5 of arXiv:1007.1727). Events, bins and
/// global observables are thrown; toy k is a pure function of seed, truth and k, so it is the same
/// on any rank, in any order and after any restart.
namespace ratiofarm {

/// A list of events that toys draw from.
struct ToySource {
    std::shared_ptr<const EventSet> events;  ///< a whole set: ratios; its own weights are not used
    /// [n], expected number of each event: drawn with replacement; negative ones count as 0,
    /// and the others make up for them.
    /// Empty: real events of unit weight, drawn without replacement and disjoint between toys.
    std::vector<double> weights{};
    double expected = 0.0;  ///< events a toy, where there are no weights
};

/// What the toys of one unbinned region are made of.
struct ToyRegion {
    std::vector<ToySource> sources;
    /// For ShapeNorm::reference_quadratic; all regions have one, or none.
    std::shared_ptr<const NormalisationExpansion> expansion{};
    /// For ShapeNorm::reference: enters every toy, which then costs as much as all of it.
    std::shared_ptr<const EventSet> reference{};
};

/// How toys are thrown and what is asked of them.
struct ToySetup {
    /// Normalisation in the fits, which begin at the truth. ShapeNorm::reference_quadratic costs
    /// data size only.
    StatisticalModel model;
    std::vector<double> truth;  ///< [n], theta, external coordinates, inside the ranges
    double test = 0.0;          ///< value of the parameter of interest that is tested
    std::vector<TestStatistic> statistics{TestStatistic::t};
    std::uint64_t seed = 0;
    std::vector<ToyRegion> unbinned;          ///< one per unbinned region
    std::vector<std::vector<double>> binned;  ///< [region][bins], expected contents, >= 0
};

/// One toy.
struct Toy {
    std::vector<EventSet> unbinned;           ///< [region], weights are multiplicities
    std::vector<std::vector<double>> binned;  ///< [region][bins], whole numbers
    std::vector<double> observed;             ///< [n], global observables; 0 where unconstrained
    /// [region][events], row of its source that each event is; those of the reference as well.
    std::vector<std::vector<std::uint64_t>> rows = {};
};

/// What its fits say.
struct ToyOutcome {
    std::uint64_t toy = 0;
    std::uint64_t events = 0;        ///< in the unbinned regions
    bool converged = false;          ///< both the free fit and those that the statistics need
    std::vector<double> statistics;  ///< in the order of ToySetup; NaN where it did not converge
    std::vector<double> value;       ///< [n], free fit
    std::vector<double> error;       ///< [n], from the Hessian; 0 where fixed or at a bound

    bool operator==(const ToyOutcome&) const = default;
};

template <class Archive>
void fields(Archive& archive, MemberOf<Archive, ToyOutcome>& value) {
    archive(value.toy, value.events, value.converged, value.statistics, value.value, value.error);
}

/// A range of toys of one setup.
class ToyExperiment {
public:
    /// \throws ConfigError if truth or test lie outside the ranges, or ask for more events of a
    /// sample than it has
    ToyExperiment(ToySetup setup, Range toys);
    ~ToyExperiment();
    ToyExperiment(ToyExperiment&&) noexcept;
    ToyExperiment& operator=(ToyExperiment&&) noexcept;

    const ToySetup& setup() const;
    Range toys() const;

    /// \param toy in toys(). By several threads at once.
    Toy thrown(std::uint64_t toy) const;
    ToyOutcome fitted(const Toy& toy, std::uint64_t number) const;
    ToyOutcome run(std::uint64_t toy) const { return fitted(thrown(toy), toy); }

private:
    struct State;
    std::unique_ptr<const State> state_;
};

/// What throwing from a weighted list means for the toys.
struct ToyListSummary {
    double expected = 0.0;          ///< events a toy: the sum of all weights
    double negative = 0.0;          ///< sum of the negative weights; <= 0
    std::uint64_t n_negative = 0;   ///< events with such weights
    double effective_events = 0.0;  ///< (sum w)^2 / sum w^2: how fine the list is
};

ToyListSummary summary_of(std::span<const double> weights);

}  // namespace ratiofarm
