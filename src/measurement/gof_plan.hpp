#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "results/gof_json.hpp"

#include "gof_bins.hpp"

namespace ratiofarm {

/// The request of `ratiofarm gof`.
struct GofRequest {
    std::uint64_t toys = 1000;
    std::uint64_t block = 100;
    std::size_t bins = 20;
    ShapeNorm shape_norm = ShapeNorm::reference_quadratic;
};

/// Contents of all bins that are tested: [observable or binned region][bins].
using GofContents = std::vector<std::vector<double>>;

/// Deviances of data and of toys that are thrown at the best fit and fitted again.
class GofPlan {
public:
    /// Collective over world. Fits the data.
    GofPlan(const mpi::Communicator& world, const FitSource& source, const GofRequest& request);

    std::vector<Task> tasks() const;
    std::vector<std::string> warnings() const { return toys_.warnings(); }
    const MadeFrom& made_from() const { return toys_.made_from(); }

    /// Throws and fits one toy; its statistics are the deviances of all tests, the last one of all.
    ToyRunner::RunToy run_toy(const ToyTask& task) const;

    /// \param outcomes of all toys
    /// \throws NumericalError if no toy converged
    GofRecord record(const std::vector<ToyOutcome>& outcomes) const;

private:
    /// Reference events that bins are expected from; one thread at a time.
    struct Expectation {
        const LikelihoodData* events = nullptr;
        std::unique_ptr<const Likelihood> likelihood = nullptr;
    };

    GofContents observed_data() const;
    GofContents observed_toy(const Toy& toy) const;
    GofContents expected(const Expectation& from, const std::vector<double>& theta) const;
    std::pair<GofContents, GofContents> expected_and_variance(
        const Expectation& from, const std::vector<double>& theta) const;
    std::vector<std::string> few_events(const GofContents& nu, const GofContents& variance) const;
    std::vector<double> deviances(const GofContents& observed,
                                  const GofContents& expected,
                                  const std::vector<double>& theta,
                                  const std::vector<double>& observables) const;
    /// Features show the events of a region again; the whole counts them once.
    bool is_counted(std::size_t test) const;
    std::size_t counted_beside(std::size_t test) const;  ///< that of the same region
    /// Of the parameters that are not fixed.
    struct Slopes {
        std::vector<GofContents> slopes;  ///< [parameters] d nu
        std::vector<double> constraints;  ///< information from the constraint
    };
    Slopes slopes_of(const GofContents& nu) const;
    std::vector<double> absorbed_by_fit(const GofContents& nu) const;
    std::vector<GofTest> named_tests(const GofContents& nu) const;

    GofRequest request_;
    ToyPlan toys_;
    std::string campaign_;
    bool is_observed_;  ///< the data, no Asimov data of the same simulation
    std::string data_;  ///< what is fitted, in words
    std::vector<ObservableBins> bins_;
    mpi::Communicator alone_;
    Expectation of_toys_;  ///< the events that toys are drawn from
    Expectation of_data_;  ///< with negative weights as they are, if there are any
    mutable std::mutex mutex_;
};

}  // namespace ratiofarm
